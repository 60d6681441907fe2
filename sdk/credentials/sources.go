package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	// maxDocument is far above any real credentials document; it bounds what a
	// wrong path or a talkative command can make us read.
	maxDocument = 64 << 10
	// commandDeadline is how long a command may take. Some ask a person for a
	// second factor.
	commandDeadline = time.Minute
)

func fromEnvironment(prefix string) (Keys, error) {
	keys := Keys{
		AccessKeyID:     os.Getenv(prefix + "_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv(prefix + "_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv(prefix + "_SESSION_TOKEN"),
	}
	var missing []string
	if keys.AccessKeyID == "" {
		missing = append(missing, prefix+"_ACCESS_KEY_ID")
	}
	if keys.SecretAccessKey == "" {
		missing = append(missing, prefix+"_SECRET_ACCESS_KEY")
	}
	if len(missing) > 0 {
		return Keys{}, fmt.Errorf("credentials env:%s: %s not set", prefix, strings.Join(missing, " and "))
	}
	return keys, nil
}

func fromFile(path string) (Keys, error) {
	document, err := readPrivate(path)
	if err != nil {
		return Keys{}, fmt.Errorf("credentials file:%s: %w", path, err)
	}
	keys, err := ParseDocument(document)
	if err != nil {
		return Keys{}, fmt.Errorf("credentials file:%s: %w", path, err)
	}
	return keys, nil
}

// readPrivate reads a regular file that only its owner may touch.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		var pathError *os.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err // the path is named by the caller
		}
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("others may use it (mode %04o): run chmod 600", mode)
	}
	return io.ReadAll(io.LimitReader(file, maxDocument))
}

// fromCommand runs the command with the shell. What it prints is read as the
// document or dropped; it never reaches a log or an error.
func fromCommand(ctx context.Context, line string) (Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	shell, flag := "/bin/sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd.exe", "/C"
	}
	command := exec.CommandContext(ctx, shell, flag, line)
	output := &limitedBuffer{}
	command.Stdout = output
	command.WaitDelay = time.Second // a grandchild may hold the pipe open
	endWithChildren(command)
	err := command.Run()
	switch {
	case ctx.Err() != nil:
		return Keys{}, fmt.Errorf("credentials exec: the command did not end in time: %w", ctx.Err())
	case err != nil:
		return Keys{}, fmt.Errorf("credentials exec: the command failed (%w): run it by hand to see why", err)
	}
	keys, err := ParseDocument(output.Bytes())
	if err != nil {
		return Keys{}, fmt.Errorf("credentials exec: %w", err)
	}
	return keys, nil
}

// limitedBuffer keeps the first maxDocument bytes and swallows the rest.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxDocument - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// ParseDocument reads the JSON document of a file, a command or a secret: an object
// with the texts "access_key_id" and "secret_access_key", and optionally "session_token"
// and "expiration" (RFC 3339). Its errors repeat nothing of the document.
func ParseDocument(document []byte) (Keys, error) {
	var fields struct {
		AccessKeyID     string `json:"access_key_id"`
		SecretAccessKey string `json:"secret_access_key"`
		SessionToken    string `json:"session_token"`
		Expiration      string `json:"expiration"`
	}
	if json.Unmarshal(document, &fields) != nil { // its error quotes what it read
		return Keys{}, errors.New(`not a JSON object with the texts "access_key_id" and "secret_access_key"`)
	}
	if fields.AccessKeyID == "" || fields.SecretAccessKey == "" {
		return Keys{}, errors.New(`"access_key_id" or "secret_access_key" is missing`)
	}
	keys := Keys{
		AccessKeyID: fields.AccessKeyID, SecretAccessKey: fields.SecretAccessKey, SessionToken: fields.SessionToken,
	}
	if fields.Expiration != "" {
		expires, err := time.Parse(time.RFC3339, fields.Expiration)
		if err != nil {
			return Keys{}, errors.New(`"expiration" is no RFC 3339 time`)
		}
		keys.Expires = expires
	}
	return keys, nil
}
