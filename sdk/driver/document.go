package driver

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
)

// Find returns the text at a path of a small XML or JSON document, or "" where the
// document is not of the kind or has nothing there. It reads what [Capture] and
// [ErrorReply] name, for the host and for drivers' own calls alike.
func (s Source) Find(document []byte, path string) string {
	if path == "" || len(document) == 0 {
		return ""
	}
	names := strings.Split(path, "/")
	switch s {
	case SourceXML:
		return findXML(document, names)
	case SourceJSON:
		return findJSON(document, names)
	}
	return ""
}

// findXML follows element names below the root.
func findXML(document []byte, names []string) string {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	depth, matched := 0, 0 // of open elements; of those, how many are on the path
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch element := token.(type) {
		case xml.StartElement:
			if depth > 0 && matched == depth-1 && matched < len(names) && element.Name.Local == names[matched] {
				matched++
				if matched == len(names) {
					var text string
					if decoder.DecodeElement(&text, &element) != nil {
						return ""
					}
					return text
				}
			}
			depth++
		case xml.EndElement:
			depth--
			matched = min(matched, max(depth-1, 0))
		}
	}
}

// findJSON follows member names from the top object.
func findJSON(document []byte, names []string) string {
	var value any
	if json.Unmarshal(document, &value) != nil {
		return ""
	}
	for _, name := range names {
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = object[name]
	}
	text, _ := value.(string)
	return text
}
