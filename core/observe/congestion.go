package observe

import (
	"fmt"
	"os"
	"strings"
)

// CongestionFile is where Linux says which congestion control new TCP connections get.
const CongestionFile = "/proc/sys/net/ipv4/tcp_congestion_control"

// CongestionControl returns the name in a file such as [CongestionFile], "bbr" or
// "cubic" say. The error is that of a system that has no such file.
func CongestionControl(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the congestion control of TCP: %w", err)
	}
	name := strings.TrimSpace(string(text))
	if name == "" {
		return "", fmt.Errorf("read the congestion control of TCP: %s is empty", path)
	}
	return name, nil
}
