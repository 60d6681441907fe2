package engine

import (
	"fmt"

	"github.com/dth-dev/dth/core/job"
)

// GuardError says that a run was stopped before its first deletion, because going on could
// do harm. All else of it is done.
type GuardError struct {
	Reason string
	Do     string // what to do next
}

func (e *GuardError) Error() string {
	return fmt.Sprintf("stopped by a guard: %s; nothing was deleted. %s", e.Reason, e.Do)
}

// tallies are what the guards before deletions go by.
type tallies struct {
	source, destination int64 // objects listed
	extra               int64 // of the destination's, those that the source does not have
	left                int64 // objects that failed or were skipped
}

// guard returns why a run must not delete, nil where it may. Both listings have ended.
func (e *Engine) guard(of tallies) error {
	settings := e.job.Settings
	if settings.Delete && of.source == 0 && !settings.AllowEmptySource {
		return &GuardError{
			Reason: fmt.Sprintf("%s, and %s would remove all that the destination has there (%s)", e.emptySource(), e.given("delete"), objects(of.extra)),
			Do:     "Check the location of the source, or add --allow-empty-source to delete nevertheless",
		}
	}
	if !settings.Delete || of.extra == 0 {
		return nil
	}
	if of.left > 0 && !settings.IgnoreErrors {
		return &GuardError{
			Reason: fmt.Sprintf("%s not copied (failed or skipped), and the last copy of one may be among those that only the destination has (%s)", objects(of.left), objects(of.extra)),
			Do:     "Run again when all can be copied, or add --ignore-errors to delete nevertheless",
		}
	}
	if allowed := settings.MaxDelete.Allows(of.destination); of.extra > allowed {
		return &GuardError{
			Reason: fmt.Sprintf("%d of the destination's %d objects are not at the source, and %s allows %d to be deleted", of.extra, of.destination, e.given("max-delete"), allowed),
			Do:     "Check the locations, or raise --max-delete",
		}
	}
	return nil
}

// objects counts objects in words.
func objects(n int64) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// emptySource says that nothing was listed.
func (e *Engine) emptySource() string {
	if e.from.List == "" {
		return fmt.Sprintf("source: bucket %q has no objects", e.source.Name)
	}
	return fmt.Sprintf("source: bucket %q has no object whose key begins with %q", e.source.Name, e.from.List)
}

// given returns a setting with its value as the user gave it.
func (e *Engine) given(name string) string {
	value := e.job.Values[name]
	text := value.Text
	if name == "max-delete" {
		text = e.job.Settings.MaxDelete.Written
	}
	flag, where := "--"+name, value.Origin.Where
	if text != "true" && text != "" {
		flag += " " + text
	}
	switch where {
	case "", "--" + name:
		return flag
	case "default":
		return flag + " (the default)"
	case job.Variable(name):
		return where + "=" + text
	}
	return fmt.Sprintf("%s: %s (%s)", name, text, where)
}

// warn tells what concerns the whole run, in the log and in its report.
func (e *Engine) warn(text string) {
	e.log.Warn(text)
	e.warnings = append(e.warnings, text)
}
