// Package docs holds the documents to what they speak of: links, commands and pictures.
package docs

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// pages returns the documents of the repository by their paths from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	return tracked(t, "*.md")
}

// tracked returns the files that git tracks or would.
func tracked(t *testing.T, pattern string) map[string]string {
	t.Helper()
	command := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", pattern)
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for path := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) { // git still lists what was deleted a moment ago
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		found[path] = string(content)
	}
	if len(found) == 0 {
		t.Fatalf("there are no files %s", pattern)
	}
	return found
}

var (
	fences   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	spans    = regexp.MustCompile("`[^`]*`")
	inline   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	named    = regexp.MustCompile(`\[[^\[\]]+\]\[([^\[\]]*)\]`)
	defined  = regexp.MustCompile(`(?m)^\[([^\]]+)\]: (\S+)$`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unsaid   = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
)

// prose is a page without its examples.
func prose(page string) string { return fences.ReplaceAllString(page, "") }

// anchors returns the fragments of a page's headings, as GitHub makes them.
func anchors(page string) []string {
	var all []string
	seen := map[string]int{}
	for _, heading := range headings.FindAllStringSubmatch(prose(page), -1) {
		text := inline.ReplaceAllString(strings.ReplaceAll(heading[1], "`", ""), "]")
		anchor := strings.ReplaceAll(unsaid.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		if n := seen[anchor]; n > 0 {
			all = append(all, anchor+"-"+string(rune('0'+n)))
		} else {
			all = append(all, anchor)
		}
		seen[anchor]++
	}
	return all
}

// Every link leads somewhere: within the repository to what is there, beyond it to a
// well-formed address, which is not fetched.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for path, page := range all {
		text := spans.ReplaceAllString(prose(page), "code")
		definitions := map[string]bool{}
		var targets []string
		for _, match := range defined.FindAllStringSubmatch(text, -1) {
			definitions[match[1]] = true
			targets = append(targets, match[2])
		}
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			if name := strings.Join(strings.Fields(match[1]), " "); name != "" && !definitions[name] {
				t.Errorf("%s: link [%s] is not defined", path, name)
			}
		}
		for _, match := range inline.FindAllStringSubmatch(text, -1) {
			targets = append(targets, match[1])
		}
		for _, target := range targets {
			if problem := dead(all, path, target); problem != "" {
				t.Errorf("%s: link to %s: %s", path, target, problem)
			}
		}
	}
}

// dead says why a link leads nowhere, "" where it leads somewhere.
func dead(all map[string]string, from, target string) string {
	address, err := url.Parse(target)
	if err != nil {
		return err.Error()
	}
	if address.Scheme != "" {
		if address.Scheme != "https" || !strings.Contains(address.Host, ".") {
			return "it is no address with https"
		}
		return ""
	}
	to := from
	if address.Path != "" {
		to = filepath.Join(filepath.Dir(from), address.Path)
		if _, err := os.Stat(filepath.Join(root, to)); err != nil {
			return "there is no such file"
		}
	}
	if address.Fragment != "" && !slices.Contains(anchors(all[to]), address.Fragment) {
		return "there is no such heading"
	}
	return ""
}

// A page that nobody links to is not found.
func TestEveryDocumentIsLinked(t *testing.T) {
	t.Parallel()
	all := pages(t)
	linked := map[string]bool{}
	for path, page := range all {
		for _, match := range inline.FindAllStringSubmatch(prose(page), -1) {
			file, _, _ := strings.Cut(match[1], "#")
			linked[filepath.Join(filepath.Dir(path), file)] = true
		}
	}
	for path := range all {
		if strings.HasPrefix(path, "docs/") && !strings.HasPrefix(path, "docs/design/") && !linked[path] {
			t.Errorf("no page links to %s", path)
		}
	}
}
