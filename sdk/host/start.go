//go:build unix

package host

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dth-dev/dth/sdk/internal/wire"
)

// StartError says in one sentence why a plugin did not start and what to do.
type StartError struct {
	Plugin string
	Reason string // what happened, e.g. "/usr/lib/dth/dth-plugin-s3 is not executable"
	Hint   string // what to do next, e.g. "run: chmod +x /usr/lib/dth/dth-plugin-s3"
}

// Error returns "plugin NAME cannot be started: REASON; HINT".
func (e *StartError) Error() string {
	return fmt.Sprintf("plugin %s cannot be started: %s; %s", e.Plugin, e.Reason, e.Hint)
}

// unsuited returns what the manifest alone tells: that this plugin is for another dth.
func unsuited(manifest Manifest) *StartError {
	if slices.Contains(manifest.Protocol, wire.ProtocolVersion) {
		return nil
	}
	return otherProtocol(manifest, slices.Max(append([]int{0}, manifest.Protocol...)))
}

// otherProtocol names the side that has to be renewed.
func otherProtocol(manifest Manifest, spoken int) *StartError {
	hint := "install a newer version of the plugin"
	if spoken > wire.ProtocolVersion {
		hint = "install a newer dth, or an older version of the plugin"
	}
	return &StartError{
		Plugin: manifest.Name,
		Reason: fmt.Sprintf("it speaks protocol %d and this dth speaks protocol %d", spoken, wire.ProtocolVersion),
		Hint:   hint,
	}
}

// diagnose finds the cause of a failed start in what the process did.
func (i *instance) diagnose(manifest Manifest, options Options, err error) *StartError {
	failure := &StartError{Plugin: manifest.Name}
	if i.process.pid == 0 {
		failure.Reason, failure.Hint = cannotExecute(manifest, err)
		return failure
	}
	line, silent := i.process.firstLine()
	version, isHandshake := handshakeVersion(line)
	switch {
	case isHandshake && version != wire.ProtocolVersion:
		return otherProtocol(manifest, version)
	case line != "" && !isHandshake:
		failure.Reason = fmt.Sprintf("it printed %s on its standard output before the handshake", quoted(line))
		failure.Hint = "a plugin must print nothing there: ask its author to remove the print, or install another version"
	case i.process.endedByItself():
		i.awaitLastWords()
		failure.Reason = i.process.ending(i.tail) + " before it was ready"
		failure.Hint = "install another version of the plugin, or report this to its author"
	case silent:
		failure.Reason = "it closed its standard output without the handshake"
		failure.Hint = "install another version of the plugin, or report this to its author"
	default:
		failure.Reason = fmt.Sprintf("it did not answer within %s", options.StartTimeout)
		failure.Hint = "try again on a less busy machine; if it recurs, report it to the plugin's author"
		if last := i.tail.text(); last != "" {
			failure.Reason += fmt.Sprintf(" (it last printed %s)", quoted(last))
		}
	}
	return failure
}

// cannotExecute explains why the system refused to run the program.
func cannotExecute(manifest Manifest, err error) (reason, hint string) {
	path, machine := manifest.Binary, runtime.GOOS+"/"+runtime.GOARCH
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		return path + " does not exist", "install the plugin again, or remove its manifest " + manifest.Source
	case errors.Is(err, fs.ErrPermission) && statErr == nil && info.Mode()&0o111 == 0:
		return path + " is not executable", "run: chmod +x " + path
	case errors.Is(err, fs.ErrPermission):
		return "the system does not allow " + path + " to be run", "check the rights of its folders, and that its file system is not mounted noexec"
	case errors.Is(err, syscall.ENOEXEC):
		if other := architecture(path); other != "" {
			return fmt.Sprintf("%s is built for %s and this machine is %s", path, other, machine), "install the plugin built for " + machine
		}
		return path + " is not a program for this machine", "install the plugin built for " + machine
	case errors.Is(err, fs.ErrNotExist):
		return path + " needs an interpreter or loader that this machine does not have", "install the plugin built for " + machine
	}
	return err.Error(), "fix what the system names, then try again"
}

// architecture names the machine that an ELF program was built for; "" when it is none.
func architecture(path string) string {
	program, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer program.Close()
	name := strings.ToLower(strings.TrimPrefix(program.Machine.String(), "EM_"))
	switch program.Machine {
	case elf.EM_X86_64:
		name = "amd64"
	case elf.EM_AARCH64:
		name = "arm64"
	}
	return name
}

// handshakeVersion reads the protocol version from go-plugin's handshake line,
// CORE|VERSION|NETWORK|ADDRESS|PROTOCOL…
func handshakeVersion(line string) (version int, ok bool) {
	fields := strings.Split(strings.TrimSpace(line), "|")
	if len(fields) < 5 {
		return 0, false
	}
	if _, err := strconv.Atoi(fields[0]); err != nil {
		return 0, false
	}
	version, err := strconv.Atoi(fields[1])
	return version, err == nil
}

// maxQuoted bounds what is shown of a plugin's output.
const maxQuoted = 120

// quoted shows a line of output, cut to a readable length.
func quoted(line string) string {
	line = wire.Redact(strings.TrimSpace(line))
	if len(line) > maxQuoted {
		line = line[:maxQuoted] + "…"
	}
	return strconv.Quote(line)
}
