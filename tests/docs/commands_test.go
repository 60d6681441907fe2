package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shell     = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")
	continued = regexp.MustCompile(`\\\n\s*`)
	quoted    = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	comment   = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	programs  = regexp.MustCompile(`(?:^|[;|&(]|\s&&|^\s+)\s*(?:[A-Z_]+=\S+ )*(?:bin/)?dth( [^|;&>)]*|$)`)
	makes     = regexp.MustCompile("(?:^|[ `(])make ((?:[a-z][a-z-]* ?)+)")
	spoken    = regexp.MustCompile("`dth ([a-z]+(?:[ \\n][^`|:]*)?)[`|]") // in a sentence
	option    = regexp.MustCompile(`--[a-z][a-z-]*`)
)

// The commands of dth in examples and sentences are there, and so is each flag that they are given.
// What is there stands in the goldens of --help, which cmd/dth holds to the parser.
func TestCommandsOfDocumentsAreThere(t *testing.T) {
	t.Parallel()
	count := 0
	for path, page := range pages(t) {
		for _, block := range shell.FindAllStringSubmatch(page, -1) {
			text := quoted.ReplaceAllString(continued.ReplaceAllString(block[1], " "), "QUOTED")
			for line := range strings.Lines(comment.ReplaceAllString(text, "")) {
				for _, call := range programs.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
					count++
					checkCall(t, path, strings.Fields(call[1]))
				}
			}
		}
		for _, span := range spoken.FindAllStringSubmatch(prose(page), -1) {
			count++
			checkCall(t, path, strings.Fields(span[1]))
		}
	}
	if count < 100 {
		t.Errorf("only %d calls of dth were found in the documents", count)
	}
}

// checkCall looks a command and its flags up.
func checkCall(t *testing.T, path string, words []string) {
	t.Helper()
	call := "dth " + strings.Join(words, " ")
	command, help := longest(words)
	if len(words) > 0 && !strings.HasPrefix(words[0], "-") && command == "dth" {
		t.Errorf("%s: %q: dth has no command %s", path, call, words[0])
		return
	}
	if command == "dth-deploy" { // up may be left out
		_, help = longest([]string{"deploy", "up"})
	}
	for _, word := range words {
		flag := option.FindString(word)
		if flag == "" {
			continue
		}
		known := strings.Contains(help, flag+"=") || regexp.MustCompile(regexp.QuoteMeta(flag)+`\b`).MatchString(strings.ReplaceAll(help, "--[no-]", "--"))
		if !known {
			t.Errorf("%s: %q: %s has no flag %s", path, call, strings.ReplaceAll(command, "-", " "), flag)
		}
	}
}

// longest returns the command that the first words name, "dth" where they name none, and
// its help.
func longest(words []string) (command, help string) {
	for n := min(len(words), 2); n >= 0; n-- {
		command = strings.Join(append([]string{"dth"}, words[:n]...), "-")
		if content, err := os.ReadFile(filepath.Join(root, "cmd/dth/testdata/help", command+".txt")); err == nil {
			return command, string(content)
		}
	}
	return command, ""
}

// The targets of make that documents name are there.
func TestTargetsOfDocumentsAreThere(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for path, page := range pages(t) {
		texts := spans.FindAllString(prose(page), -1)
		for _, block := range shell.FindAllStringSubmatch(page, -1) {
			texts = append(texts, strings.Split(comment.ReplaceAllString(block[1], ""), "\n")...)
		}
		for _, text := range texts {
			for _, match := range makes.FindAllStringSubmatch(text, -1) {
				for target := range strings.FieldsSeq(match[1]) {
					if !regexp.MustCompile(`(?m)^` + target + `:`).Match(makefile) {
						t.Errorf("%s: make has no target %s", path, target)
					}
				}
			}
		}
	}
}
