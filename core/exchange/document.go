package exchange

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// lookUp returns the text at a path of a small document, or "" where the
// document is not of the kind or has nothing there.
func lookUp(source driver.Source, document []byte, path string) string {
	if path == "" || len(document) == 0 {
		return ""
	}
	names := strings.Split(path, "/")
	switch source {
	case driver.SourceXML:
		return lookUpXML(document, names)
	case driver.SourceJSON:
		return lookUpJSON(document, names)
	}
	return ""
}

// lookUpXML follows element names below the root.
func lookUpXML(document []byte, names []string) string {
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

// lookUpJSON follows member names from the top object.
func lookUpJSON(document []byte, names []string) string {
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
