package integration

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/cloud"
)

// secrets are the canaries of one side, or of nobody.
type secrets struct{ id, secret, token string }

func newSecrets(of string) secrets {
	return secrets{"AKID" + of, "canary/secret/of/" + of, "canary/session/token/of/" + of}
}

// ambient are secrets in the environment that no plugin has been referred to.
var ambient = newSecrets("nobody")

// refer puts secrets where a reference of that kind finds them. It returns the
// reference and the variables that go with it.
func (p *program) refer(kind, side string, s secrets) (reference string, env []string) {
	p.t.Helper()
	document := fmt.Sprintf(`{"access_key_id": %q, "secret_access_key": %q, "session_token": %q}`, s.id, s.secret, s.token)
	variables := func(prefix string) []string {
		return append(keys(prefix, s.id, s.secret), prefix+"_SESSION_TOKEN="+s.token)
	}
	switch kind {
	case "env":
		return "env:" + side, variables(side)
	case "default":
		return "", variables("AWS")
	case "profile":
		path := p.write("aws/credentials", fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", side, s.id, s.secret, s.token))
		return "profile:" + side, []string{"AWS_SHARED_CREDENTIALS_FILE=" + path}
	case "secret":
		vault := startVault(p.t, cloud.MiniStack)
		vault.rotate("team/"+side, document)
		return "secret:team/" + side, vault.env()
	case "exec":
		return "exec:cat " + p.write(side+".json", document), nil
	}
	return "file:" + p.write(side+".json", document), nil
}

// TestSecretsStayInTheirPlugin runs with secrets in all places that references name, at
// the most talkative level, against a store that repeats what it is sent, and looks
// for the secrets everywhere.
func TestSecretsStayInTheirPlugin(t *testing.T) {
	for name, kinds := range map[string][2]string{
		"profile and file":          {"profile", "file"},
		"environment on both sides": {"env", "env"},
		"command and default chain": {"exec", "default"},
		"secrets of a vault":        {"secret", "file"},
	} {
		t.Run(name, func(t *testing.T) {
			source, destination := newSecrets("source"), newSecrets("destination")
			p := newProgram(t, "DATABASE_PASSWORD="+ambient.secret)
			from, fromEnv := p.refer(kinds[0], "SRC", source)
			to, toEnv := p.refer(kinds[1], "DST", destination)
			if kinds[0] != "secret" && kinds[1] != "default" { // else AWS's variables are those of a side
				p.env = append(append(p.env, keys("AWS", ambient.id, ambient.secret)...), "AWS_SESSION_TOKEN="+ambient.token)
			}
			p.env = slices.Concat(p.env, fromEnv, toEnv)

			left, right := startSpy(t, startNull(t, "12x5000")), startSpy(t, startNull(t, "0x0"))
			r := p.start("sync", nullAt(left.address(), from), nullAt(right.address(), to), "--json", "--log-level=trace", "--state=state")
			select {
			case <-left.held:
			case <-r.ended:
				t.Fatalf("dth ended by itself: %+v", r.wait())
			}
			checkProcesses(t, r, p.env, source, destination)
			during := readAll(t, filepath.Join(p.folder, "state"))
			close(left.release)
			got := r.wait()
			if report := got.report(t); got.code != 1 || report.Objects.Failed != 3 || report.Objects.Copied != 9 {
				t.Errorf("exit code %d, %+v", got.code, report.Objects)
			}
			signatures := slices.Concat(left.signatures(), right.signatures())
			if len(signatures) < 12 {
				t.Fatalf("only %d signatures were seen", len(signatures))
			}
			places := map[string]string{
				"stdout": got.stdout, "stderr": got.stderr, "state while running": during,
				"state afterwards": readAll(t, filepath.Join(p.folder, "state")),
				"status":           p.must(0, "status", "--json", "--state=state").stdout,
				"status of run":    p.must(0, "status", got.report(t).Run, "--state=state").stdout,
			}
			canaries := append(signatures, url.QueryEscape(source.token), url.QueryEscape(destination.token), source.secret, source.token, destination.secret, destination.token, ambient.secret, ambient.token)
			searchAll(t, places, canaries)
			if !strings.Contains(got.stderr, `"@level":"trace"`) && !strings.Contains(got.stderr, `"@level":"debug"`) {
				t.Error("nothing was logged below info: the search would find nothing at all")
			}
		})
	}
}

// TestFailingCredentialsAreNotTold: whatever is wrong with credentials, the error says
// what and where, and never repeats a secret.
func TestFailingCredentialsAreNotTold(t *testing.T) {
	t.Parallel()
	store := startNull(t, "1x10")
	refusing := startSpy(t, store)
	refusing.refuse = true
	of := newSecrets("source")
	good := fmt.Sprintf(`{"access_key_id": %q, "secret_access_key": %q, "session_token": %q}`, of.id, of.secret, of.token)
	for name, test := range map[string]struct {
		at        string
		reference string // FOLDER stands for the program's folder
		file      string // content of FOLDER/keys
		mode      os.FileMode
		env       []string
		code      int
		stderr    string
	}{
		"file that others can read":   {store, "file:FOLDER/keys", good, 0o644, nil, 3, `dth: source: .*: credentials file:\S+/keys: .*chmod 600.*`},
		"file that is no JSON":        {store, "file:FOLDER/keys", good[1:], 0o600, nil, 3, `dth: source: .*: credentials file:\S+/keys: not a JSON object with .*`},
		"profile that is none":        {store, "profile:other", "[one]\naws_secret_access_key = " + of.secret, 0o600, nil, 3, `dth: source: .*other.*`},
		"profile that is broken":      {store, "profile:one", "[one\naws_secret_access_key = " + of.secret, 0o600, nil, 3, `dth: source: .*`},
		"half of the variables":       {store, "env:SRC", "", 0, []string{"SRC_SECRET_ACCESS_KEY=" + of.secret}, 3, `dth: source: .*: credentials env:SRC: SRC_ACCESS_KEY_ID not set.*`},
		"command that fails":          {store, "exec:cat FOLDER/keys FOLDER/keys >%262; false", good, 0o600, nil, 3, `dth: source: .*: credentials exec: the command failed \(exit status 1\): run it by hand to see why`},
		"command without JSON":        {store, "exec:echo secret:; cat FOLDER/keys", good, 0o600, nil, 3, `dth: source: .*: credentials exec: not a JSON object with .*`},
		"keys instead of a reference": {store, of.secret, "", 0, nil, 2, `dth: source: credentials are not a reference: give a reference instead: .*`},
		"secret as an option":         {store, "anonymous&secret-key=" + of.secret, "", 0, nil, 2, `dth: source: option secret-key would hold a secret: .*`},
		"refused by the store":        {refusing.address(), "file:FOLDER/keys", good, 0o600, nil, 3, `dth: source: bucket "data", after 2 attempts: List: you may not .* \(AccessDenied, request id spy\); check the credentials of the source and that they may list this bucket`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, test.env...)
			if test.mode != 0 {
				if err := os.Chmod(p.write("keys", test.file), test.mode); err != nil {
					t.Fatal(err)
				}
			}
			p.env = append(p.env, "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(p.folder, "keys"))
			from := nullAt(test.at, strings.ReplaceAll(test.reference, "FOLDER", p.folder))
			to := nullAt(startNull(t, "0x0"), "anonymous")
			p.run("sync", from, to).expect(t, test.code, test.stderr)
			got := p.run("sync", from, to, "--log-level=trace", "--json")
			searchAll(t, map[string]string{"the output": got.stdout + got.stderr}, append(refusing.signatures(), of.secret, of.token))
		})
	}
}

var anySignature = regexp.MustCompile(`Signature=[0-9a-fA-F]{8}`)

// searchAll fails for every canary that is in one of the places, by name.
func searchAll(t *testing.T, places map[string]string, canaries []string) {
	t.Helper()
	for place, text := range places {
		if text == "" {
			t.Errorf("%s is empty: nothing was searched", place)
		}
		for _, canary := range canaries {
			if at := strings.Index(text, canary); at >= 0 {
				t.Errorf("%s holds %s: …%q…", place, canary, text[max(0, at-200):min(len(text), at+100)])
			}
		}
		if match := anySignature.FindString(text); match != "" {
			t.Errorf("%s holds %q", place, match)
		}
	}
}

// checkProcesses looks at command lines, environments and memory of dth and its plugins.
func checkProcesses(t *testing.T, r *running, env []string, source, destination secrets) {
	t.Helper()
	host := fmt.Sprint(r.command.Process.Pid)
	plugins := r.plugins()
	if len(plugins) != 2 {
		t.Fatalf("%d plugins are running, want 2", len(plugins))
	}
	all := []string{source.secret, source.token, destination.secret, destination.token, ambient.secret, ambient.token}
	for _, pid := range append(plugins, host) {
		searchAll(t, map[string]string{"the command line of process " + pid: procFile(t, pid, "cmdline")}, all)
	}
	if got, want := variables(procFile(t, host, "environ")), slices.Sorted(slices.Values(env)); !slices.Equal(got, want) {
		t.Errorf("dth has the environment %q, it was started with %q", got, want)
	}
	// A secret from elsewhere never enters the host. (A session token does: it is
	// part of a presigned URL.)
	for _, secret := range []string{source.secret, destination.secret} {
		if !strings.Contains(strings.Join(env, "\n"), secret) && len(inMemory(t, host, secret)) > 0 {
			t.Errorf("the host's memory holds %s", secret)
		}
	}
	held, machines := map[string]int{}, 0
	for _, pid := range plugins {
		for _, variable := range variables(procFile(t, pid, "environ")) {
			if name, _, _ := strings.Cut(variable, "="); !allowedVariable.MatchString(name) {
				t.Errorf("a plugin has the variable %s", name)
			}
		}
		held[strings.Join(inMemory(t, pid, all...), " ")]++
		machines += len(inMemory(t, pid, machine.secret))
	}
	// What opens the vault is where a reference to a secret is, and nowhere else.
	if opened := slices.ContainsFunc(env, func(variable string) bool { return strings.HasSuffix(variable, "="+machine.secret) }); opened && machines != 1 {
		t.Errorf("%d plugins hold the keys of the machine, want 1", machines)
	}
	// Each secret is in its own plugin, which also proves that the search finds them.
	want := map[string]int{source.secret + " " + source.token: 1, destination.secret + " " + destination.token: 1}
	if !maps.Equal(held, want) {
		t.Errorf("the plugins' memories hold %v, want %v", held, want)
	}
}

// allowedVariable matches what a plugin may see: the manifest's variables, those of its
// own reference, and what dth and go-plugin tell it.
var allowedVariable = regexp.MustCompile(`^(HOME|PATH|AWS_[A-Z0-9_]+|(SRC|DST)_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|DTH_PLUGIN[A-Z_]*|PLUGIN_[A-Z_]+)$`)

// variables takes an environment apart.
func variables(environ string) []string {
	return slices.Sorted(slices.Values(strings.Split(strings.TrimRight(environ, "\x00"), "\x00")))
}

func procFile(t *testing.T, pid, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inMemory returns which of the texts a process holds in memory that it can write to.
func inMemory(t *testing.T, pid string, texts ...string) []string {
	t.Helper()
	memory, err := os.Open(filepath.Join("/proc", pid, "mem"))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	found := map[string]bool{}
	for line := range strings.Lines(procFile(t, pid, "maps")) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		for _, text := range searchMemory(memory, from, to, texts) {
			found[text] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return !found[text] })
}

// searchMemory returns which of the texts stand between two addresses.
func searchMemory(memory *os.File, from, to int64, texts []string) []string {
	const piece, overlap = 4 << 20, 100
	var found []string
	buffer := make([]byte, piece+overlap)
	for at := from; at < to; at += piece {
		n, _ := memory.ReadAt(buffer[:min(piece+overlap, to-at)], at) // parts of a mapping may be unreadable
		for _, text := range texts {
			if strings.Contains(string(buffer[:n]), text) {
				found = append(found, text)
			}
		}
	}
	return found
}

// readAll returns the bytes of all files of a folder.
func readAll(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
