package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// transcript prints what the demo shows and remembers it for the picture.
type transcript struct{ lines []string }

func (t *transcript) step(format string, values ...any) { t.line("==> "+format, values...) }

func (t *transcript) note(format string, values ...any) { t.line("    "+format, values...) }

func (t *transcript) line(format string, values ...any) {
	line := fmt.Sprintf(format, values...)
	fmt.Println(line)
	t.lines = append(t.lines, line)
}

// Measures of the picture, in pixels; widest is in characters.
const (
	lineHeight = 18
	charWidth  = 8
	margin     = 16
	widest     = 118
)

// svg draws the lines as a terminal would show them.
func (t *transcript) svg() []byte {
	var lines []string
	for _, line := range t.lines {
		lines = append(lines, wrapped(line)...)
	}
	var b bytes.Buffer
	width, height := int(widest*charWidth)+2*margin, len(lines)*lineHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#10141a"/>`+"\n")
	for i, line := range lines {
		color := "#c8d0d8"
		if strings.HasPrefix(line, "==>") {
			color = "#7ee787"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" xml:space="preserve">`, margin, margin+(i+1)*lineHeight-5, color)
		_ = xml.EscapeText(&b, []byte(line)) // a bytes.Buffer never fails
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// wrapped breaks a line that is wider than the picture.
func wrapped(line string) []string {
	var lines []string
	for utf8.RuneCountInString(line) > widest {
		runes := []rune(line)
		lines = append(lines, string(runes[:widest]))
		line = "        " + string(runes[widest:])
	}
	return append(lines, line)
}
