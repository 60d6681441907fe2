package integration

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startNull starts a store that costs next to nothing: it checks no signature, invents
// what is read and forgets what is written. shape is COUNTxBYTES of its bucket. It returns
// the store's address.
func startNull(t *testing.T, shape string) string {
	t.Helper()
	command := exec.Command(filepath.Join(installed, "nullstore"), "-bucket", bucket+"="+shape)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it ends with its standard input
		_ = command.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the store did not say its address: %v", err)
	}
	return strings.TrimSpace(address)
}

// nullAt returns the location of a store's bucket. Its keys and answers are
// those of MinIO.
func nullAt(address, reference string) string {
	return "s3compat://" + bucket + "?endpoint=http://" + address + "&profile=minio&credentials=" + reference
}
