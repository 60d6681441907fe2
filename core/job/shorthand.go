package job

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The options that say, in a store's own words, how it keeps what is written to it and who
// pays for requests. A plugin publishes those that its store has.
const (
	optionACL           = "acl"
	optionEncryption    = "sse"
	optionEncryptionKey = "sse-kms-key"
	optionRequesterPays = "requester-pays"
)

// shorthand is a setting that stands for options of one location, because they are the same
// for a whole job.
type shorthand struct {
	name    string
	side    string
	options func(text string) map[string]string // what it stands for; "" unsets an option
	check   func(text string) error
}

func shorthands() []shorthand {
	anything := func(string) error { return nil } // the plugin knows
	itself := func(name string) func(string) map[string]string {
		return func(text string) map[string]string { return map[string]string{name: text} }
	}
	return []shorthand{
		{name: "acl", side: "destination", options: itself(optionACL), check: anything},
		{name: "sse", side: "destination", options: encryption, check: checkEncryption},
		{name: "requester-pays", side: "source", options: itself(optionRequesterPays), check: func(text string) error {
			var pays bool
			if text == "" {
				return nil
			}
			return readBool(&pays, text)
		}},
	}
}

// encryption reads "HOW" or "HOW=KEY". Without a key one that was given with another
// kind of encryption does not count.
func encryption(text string) map[string]string {
	how, key, _ := strings.Cut(text, "=")
	return map[string]string{optionEncryption: how, optionEncryptionKey: key}
}

func checkEncryption(text string) error {
	if how, key, named := strings.Cut(text, "="); named && (how == "" || key == "") {
		return &Error{What: fmt.Sprintf("%q is no encryption", text), Do: "write none, AES256, aws:kms or aws:kms=KEY"}
	}
	return nil
}

// expand returns the options that the shorthands in a layer stand for on one side.
func expand(from layer, side string) layer {
	options := layer{}
	for _, short := range shorthands() {
		value, given := from[short.name]
		if !given || short.side != side {
			continue
		}
		for name, text := range short.options(value.Text) {
			options[name] = Value{Text: text, Origin: value.Origin}
		}
	}
	return options
}

// shorten puts the options that flags stand for in place of those of the location.
func (l *Location) shorten(flags layer, written map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		flag := flags[name]
		if _, twice := written[name]; twice && flag.Text != "" {
			return At(flag.Origin.Where, true, &Error{What: fmt.Sprintf("option %s is given twice", name), Do: "leave one of the flags out"})
		}
		if err := l.settle(name, flag); err != nil {
			return At(flag.Origin.Where, true, err)
		}
	}
	return nil
}

// settle gives an option its value, whatever it was, or unsets it.
func (l *Location) settle(name string, value Value) error {
	l.Origins[name] = value.Origin
	if value.Text == "" {
		delete(l.Options, name)
		return nil
	}
	return l.SetOption(name, value.Text, true)
}

// Terms says how what is written differs from the source object, and what else the
// destination is asked to do with it: an upload that was begun on other terms is not gone
// on with. It is empty where nothing of that is asked. The class of each object is kept
// with its upload.
func (j Job) Terms() string {
	var terms []string
	if j.Settings.Metadata == MetadataNone {
		terms = append(terms, "metadata=none")
	}
	if j.Settings.Tags {
		terms = append(terms, "tags")
	}
	if policy := j.Settings.Unmappable; policy != "" && policy != UnmappableFail {
		terms = append(terms, "unmappable="+string(policy))
	}
	for _, name := range []string{optionACL, optionEncryption, optionEncryptionKey} {
		if value := j.Destination.Options[name]; value != "" {
			terms = append(terms, name+"="+value)
		}
	}
	return strings.Join(terms, " ")
}
