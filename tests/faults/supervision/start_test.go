package supervision

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/host"
)

// Each way of not starting is one sentence with its cause and what to do.
func TestStartFailures(t *testing.T) {
	t.Parallel()
	machine := runtime.GOOS + "/" + runtime.GOARCH
	for name, test := range map[string]struct {
		install func(t *testing.T, dir string) host.Manifest
		want    string
	}{
		"missing binary": {
			func(t *testing.T, dir string) host.Manifest { return describe(t, dir, "x", 1) },
			"DIR/dth-plugin-x does not exist; install the plugin again, or remove its manifest DIR/dth-plugin-x.yaml",
		},
		"not executable": {
			func(t *testing.T, dir string) host.Manifest {
				write(t, filepath.Join(dir, "dth-plugin-x"), "#!/bin/sh\n", 0o600)
				return describe(t, dir, "x", 1)
			},
			"DIR/dth-plugin-x is not executable; run: chmod +x DIR/dth-plugin-x",
		},
		"another architecture": {
			func(t *testing.T, dir string) host.Manifest {
				writeProgram(t, filepath.Join(dir, "dth-plugin-x"), elf.EM_S390)
				return describe(t, dir, "x", 1)
			},
			"DIR/dth-plugin-x is built for s390 and this machine is " + machine + "; install the plugin built for " + machine,
		},
		"no program": {
			func(t *testing.T, dir string) host.Manifest {
				write(t, filepath.Join(dir, "dth-plugin-x"), "\x00\x01\x02", 0o755)
				return describe(t, dir, "x", 1)
			},
			"DIR/dth-plugin-x is not a program for this machine; install the plugin built for " + machine,
		},
		"missing interpreter": {
			func(t *testing.T, dir string) host.Manifest {
				write(t, filepath.Join(dir, "dth-plugin-x"), "#!/no/such/interpreter\n", 0o755)
				return describe(t, dir, "x", 1)
			},
			"DIR/dth-plugin-x needs an interpreter or loader that this machine does not have; install the plugin built for " + machine,
		},
		"panics at start": {
			func(t *testing.T, dir string) host.Manifest { return install(t, dir, "early-panic") },
			"it exited with status 2: panic: the configuration is missing before it was ready; install another version of the plugin, or report this to its author",
		},
		"exits at start": {
			func(t *testing.T, dir string) host.Manifest {
				return script(t, dir, "x", "echo 'no licence' >&2; exit 7")
			},
			"it exited with status 7: no licence before it was ready; install another version of the plugin, or report this to its author",
		},
		"killed at start": {
			func(t *testing.T, dir string) host.Manifest { return script(t, dir, "x", "kill -9 $$") },
			"it was ended by the signal killed before it was ready; install another version of the plugin, or report this to its author",
		},
		"prints garbage": {
			func(t *testing.T, dir string) host.Manifest { return script(t, dir, "x", "echo Hello; exec sleep 60") },
			`it printed "Hello" on its standard output before the handshake; a plugin must print nothing there: ask its author to remove the print, or install another version`,
		},
		"another major version": {
			func(t *testing.T, dir string) host.Manifest {
				return script(t, dir, "x", "echo '1|2|unix|/x|grpc|'; exec sleep 60")
			},
			"it speaks protocol 2 and this dth speaks protocol 1; install a newer dth, or an older version of the plugin",
		},
		"another major version in the manifest": {
			func(t *testing.T, dir string) host.Manifest { return describe(t, dir, "x", 2) },
			"it speaks protocol 2 and this dth speaks protocol 1; install a newer dth, or an older version of the plugin",
		},
		"never answers": {
			func(t *testing.T, dir string) host.Manifest {
				return script(t, dir, "x", "echo 'waiting for godot' >&2; exec sleep 60")
			},
			`it did not answer within 2s (it last printed "waiting for godot"); try again on a less busy machine; if it recurs, report it to the plugin's author`,
		},
		"never answers after the handshake": {
			func(t *testing.T, dir string) host.Manifest {
				return script(t, dir, "x", "echo '1|1|unix|/no/such/socket|grpc|'; exec sleep 60")
			},
			`it did not answer within 2s; try again on a less busy machine; if it recurs, report it to the plugin's author`,
		},
		"closes its stdout": {
			func(t *testing.T, dir string) host.Manifest { return script(t, dir, "x", "exec >&-; exec sleep 60") },
			"it closed its standard output without the handshake; install another version of the plugin, or report this to its author",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			manifest := test.install(t, dir)
			limit := time.Minute // for those that answer, however busy the machine is
			if strings.Contains(test.want, "did not answer within 2s") {
				limit = 2 * time.Second
			}
			begin := time.Now()
			_, err := host.Start(t.Context(), manifest, host.Options{SocketDir: dir, StartTimeout: limit})
			took := time.Since(begin)
			var failure *host.StartError
			if !errors.As(err, &failure) {
				t.Fatalf("got %T %v", err, err)
			}
			want := "plugin " + manifest.Name + " cannot be started: " + strings.ReplaceAll(test.want, "DIR", dir)
			if err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			if took >= time.Minute { // as long as the plugins sleep
				t.Errorf("took %s", took)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "dth-[0-9]*")); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// Who gives up waiting gets its own context's error, at once.
func TestStartCanBeGivenUp(t *testing.T) {
	t.Parallel()
	manifest := script(t, t.TempDir(), "x", "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := host.Start(ctx, manifest, host.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took >= time.Minute { // as long as the plugin sleeps
		t.Errorf("took %s", took)
	}
}

func TestSocketFolderTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := install(t, t.TempDir(), "x")
	_, err := host.Start(t.Context(), manifest, host.Options{SocketDir: dir})
	if err == nil || !strings.Contains(err.Error(), "bytes, and a plugin's socket does not fit below more than") || !strings.HasSuffix(err.Error(), "; set TMPDIR to another folder") {
		t.Errorf("got %v", err)
	}
}

// writeProgram writes the head of an ELF program for a machine.
func writeProgram(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Phentsize: 56, Shentsize: 64,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if err := binary.Write(file, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
