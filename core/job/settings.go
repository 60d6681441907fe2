package job

import (
	"fmt"
	"strconv"
	"strings"
)

// Origin is where the user wrote a value.
type Origin struct {
	Where string // "--transfers", "DTH_MEMORY", "dth.yaml:3:7" or "default"; empty for a location's own text
	Usage bool   // on the command line
}

// String returns Where for people.
func (o Origin) String() string {
	if o.Where == "" {
		return "location"
	}
	return o.Where
}

// Value is one value as written, and where.
type Value struct {
	Text   string
	Origin Origin
}

// Compare says by what two objects are found equal.
type Compare string

// The comparisons.
const (
	CompareAuto     Compare = "auto" // size, then checksum or ETag where the sides are comparable, then the journal
	CompareSize     Compare = "size"
	CompareETag     Compare = "etag"
	CompareChecksum Compare = "checksum"
	CompareMtime    Compare = "mtime"
)

// ServerSide says whether a store that holds both buckets copies by itself.
type ServerSide string

// The choices.
const (
	ServerSideAuto  ServerSide = "auto" // where it can, with credentials that reach both ends
	ServerSideNever ServerSide = "never"
)

// Unmappable says what becomes of what the destination cannot hold as it is: keys,
// metadata, headers, tags and storage classes.
type Unmappable string

// The ways to treat it.
const (
	UnmappableFail   Unmappable = "fail"   // the object fails
	UnmappableDrop   Unmappable = "drop"   // it is left out; an object whose key it is, is skipped
	UnmappableEncode Unmappable = "encode" // keys and metadata are written in a form that can be read back
)

// Metadata says what of an object travels beside its bytes.
type Metadata string

// The choices.
const (
	MetadataAll  Metadata = "all"  // content headers and user metadata, and tags where they are asked for
	MetadataNone Metadata = "none" // nothing: the destination's own defaults
)

// DefaultMaxDelete is what max-delete is unless it is set.
const DefaultMaxDelete = "10%"

// ClassOfSource is the storage class that stands for the tier of each source object.
const ClassOfSource = "source"

// MaxDelete caps how many objects of the destination one run may delete.
type MaxDelete struct {
	Count   int64   // used when Share is 0
	Share   float64 // of the destination's keys, 0 < Share ≤ 1; 0 means that Count counts
	Written string  // as the user wrote it
}

// Allows returns how many of keys may be deleted.
func (m MaxDelete) Allows(keys int64) int64 {
	if m.Share > 0 {
		return int64(m.Share * float64(keys))
	}
	return m.Count
}

// Settings are the checked settings of one job.
type Settings struct {
	Delete             bool
	MaxDelete          MaxDelete
	IgnoreErrors       bool // delete though objects failed or were skipped
	AllowEmptySource   bool // delete though the source has no objects
	Compare            Compare
	State              string // folder; empty for the default of the pair of locations
	Transfers          int    // objects and parts in flight; 0 for automatic
	Memory             int64  // bytes of the budget for buffers; 0 for automatic
	PartSize           int64  // bytes; 0 for automatic
	MultipartThreshold int64  // bytes from which an object goes in parts; 0 for automatic
	MinRate            int64  // bytes a second that a connection must move while a body is sent or received; 0 for automatic
	ServerSide         ServerSide
	Unmappable         Unmappable
	StorageClass       string // name, ClassOfSource, or empty for the bucket's default
	Metadata           Metadata
	Tags               bool // copy tags, which costs a request for each object
	AllowSkipped       bool
	LogLevel           string
	PluginDir          string // list of folders; empty for "plugins" beside the binary
	Fleet              Fleet
	Deploy             Deploy
}

// setting is one row of the table of settings.
type setting struct {
	name    string
	initial string
	process bool   // concerns the whole process: no key of a job in dth.yaml
	side    string // of the location whose options it stands for, see shorthands; empty for settings of the engine
	read    func(*Settings, string) error
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	tib = 1 << 40
)

// settingTable lists all settings in the order in which they are shown.
func settingTable() []setting {
	table := []setting{
		{name: "delete", initial: "false", read: func(s *Settings, text string) error { return readBool(&s.Delete, text) }},
		{name: "max-delete", initial: DefaultMaxDelete, read: func(s *Settings, text string) error { return readMaxDelete(&s.MaxDelete, text) }},
		{name: "ignore-errors", initial: "false", read: func(s *Settings, text string) error { return readBool(&s.IgnoreErrors, text) }},
		{name: "allow-empty-source", initial: "false", read: func(s *Settings, text string) error { return readBool(&s.AllowEmptySource, text) }},
		{name: "compare", initial: "auto", read: func(s *Settings, text string) error {
			return readChoice((*string)(&s.Compare), text, "auto", "size", "etag", "checksum", "mtime")
		}},
		{name: "transfers", initial: "0", read: func(s *Settings, text string) error { return readCount(&s.Transfers, text, 1024) }},
		{name: "memory", initial: "0", read: func(s *Settings, text string) error { return readSize(&s.Memory, text, 16*mib, tib) }},
		{name: "part-size", initial: "0", read: func(s *Settings, text string) error { return readSize(&s.PartSize, text, 5*mib, 5*gib) }},
		{name: "multipart-threshold", initial: "0", read: func(s *Settings, text string) error {
			return readSize(&s.MultipartThreshold, text, 5*mib, 5*gib)
		}},
		{name: "min-rate", initial: "0", read: func(s *Settings, text string) error { return readSize(&s.MinRate, text, 1, gib) }},
		{name: "server-side", initial: "auto", read: func(s *Settings, text string) error {
			return readChoice((*string)(&s.ServerSide), text, "auto", "never")
		}},
		{name: "unmappable", initial: "fail", read: func(s *Settings, text string) error {
			return readChoice((*string)(&s.Unmappable), text, "fail", "drop", "encode")
		}},
		{name: "storage-class", read: func(s *Settings, text string) error { s.StorageClass = text; return nil }},
		{name: "metadata", initial: "all", read: func(s *Settings, text string) error {
			return readChoice((*string)(&s.Metadata), text, "all", "none")
		}},
		{name: "tags", initial: "false", read: func(s *Settings, text string) error { return readBool(&s.Tags, text) }},
		{name: "allow-skipped", initial: "false", read: func(s *Settings, text string) error { return readBool(&s.AllowSkipped, text) }},
		{name: "state", read: func(s *Settings, text string) error { s.State = text; return nil }},
		{name: "log-level", initial: "info", process: true, read: func(s *Settings, text string) error {
			return readChoice(&s.LogLevel, text, "trace", "debug", "info", "warn", "error")
		}},
		{name: "plugin-dir", process: true, read: func(s *Settings, text string) error { s.PluginDir = text; return nil }},
	}
	table = append(append(table, fleetSettings()...), deploySettings()...)
	for _, short := range shorthands() {
		table = append(table, setting{name: short.name, side: short.side, read: func(_ *Settings, text string) error { return short.check(text) }})
	}
	return table
}

// layer is one place where settings are written.
type layer map[string]Value

// readSettings takes each setting from the first layer that has it.
func readSettings(layers []layer) (Settings, map[string]Value, error) {
	var settings Settings
	values := map[string]Value{}
	for _, row := range settingTable() {
		value := Value{Text: row.initial, Origin: Origin{Where: "default"}}
		for _, layer := range layers {
			if found, ok := layer[row.name]; ok {
				value = found
				break
			}
		}
		if err := row.read(&settings, value.Text); err != nil {
			return Settings{}, nil, At(value.Origin.Where, value.Origin.Usage, err)
		}
		values[row.name] = value
	}
	return settings, values, nil
}

func readBool(into *bool, text string) error {
	switch text {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		return &Error{What: fmt.Sprintf("%q is neither true nor false", text)}
	}
	return nil
}

func readChoice(into *string, text string, choices ...string) error {
	for _, choice := range choices {
		if text == choice {
			*into = text
			return nil
		}
	}
	return Unknown("value", text, choices)
}

func readCount(into *int, text string, most int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return &Error{What: fmt.Sprintf("%q is out of range", text),
			Do: fmt.Sprintf("write a number from 1 to %d, or 0 for automatic", most)}
	}
	*into = n
	return nil
}

// units are the accepted suffixes of a size; longer ones stand before their own endings.
var units = [...]struct {
	suffix string
	bytes  int64
}{
	{"KiB", kib}, {"MiB", mib}, {"GiB", gib}, {"TiB", tib},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

func readSize(into *int64, text string, least, most int64) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err == nil && n == 0 {
			*into = 0
			return nil
		}
		if err == nil && n > 0 && n <= most/unit.bytes && n*unit.bytes >= least {
			*into = n * unit.bytes
			return nil
		}
		break
	}
	return &Error{What: fmt.Sprintf("%q is no size in range", text),
		Do: fmt.Sprintf("write %s to %s, or 0 for automatic", FormatSize(least), FormatSize(most))}
}

// FormatSize writes bytes in the largest unit that divides them.
func FormatSize(bytes int64) string {
	for _, unit := range []struct {
		suffix string
		bytes  int64
	}{{"TiB", tib}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib}} {
		if bytes >= unit.bytes && bytes%unit.bytes == 0 {
			return strconv.FormatInt(bytes/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

func readMaxDelete(into *MaxDelete, text string) error {
	refusal := &Error{What: fmt.Sprintf("%q is neither a number of objects nor a share", text),
		Do: `write a number such as 100, or a share such as 10%`}
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(digits, 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return refusal
		}
		*into = MaxDelete{Share: percent / 100, Written: text}
		return nil
	}
	count, err := strconv.ParseInt(text, 10, 64)
	if err != nil || count < 0 {
		return refusal
	}
	*into = MaxDelete{Count: count, Written: text}
	return nil
}
