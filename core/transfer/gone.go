package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// ErrVanished is the outcome of a task whose source object was deleted between
// listing and copy: there is nothing left to copy. It is proved: the store refused the
// download by its own code for an absent key, and neither a HEAD nor a listing made
// afterwards finds the key.
var ErrVanished = errors.New("the source object was deleted meanwhile")

// codeNoSuchUpload is S3's code for an absent upload, which says nothing of the object. A 404
// that names nothing is no driver.KindNotFound, see package exchange.
const codeNoSuchUpload = "NoSuchUpload"

// IsVanished says whether an object was proved to be gone from the source.
func IsVanished(err error) bool { return errors.Is(err, ErrVanished) }

// Look looks at the object with the relative key as it is now. present is false only
// where it is proved to be absent: a HEAD does not find it, and no listing shows it. A key
// that a listing shows and a HEAD does not find is a failure, KindUnavailable once its
// retries are used up.
func (s *Side) Look(ctx context.Context, key string) (object driver.Object, present bool, err error) {
	err = s.attempt(ctx, func(ctx context.Context) error {
		object, err = s.Stat(ctx, key)
		if !IsAbsent(err) {
			present = err == nil
			return err
		}
		refused := err
		listed, err := s.Lists(ctx, s.Prefix+key)
		if err == nil && listed {
			err = s.contradicts(key, refused, "a listing shows the key")
		}
		present = false
		return err
	})
	return object, present, err
}

// IsAbsent says whether a store told that an object, not its bucket, does not exist.
func IsAbsent(err error) bool {
	var failure *driver.Error
	return errors.As(err, &failure) && failure.Kind == driver.KindNotFound && failure.Code != driver.CodeNoSuchBucket
}

// refusal says what it means that the store refused the download of a task's version:
// ErrVanished, a source that changed, or a failure.
func (s *Side) refusal(ctx context.Context, t task.Task, err error) error {
	var failure *driver.Error
	switch {
	case !errors.As(err, &failure):
		return err
	case failure.Kind == driver.KindPreconditionFailed:
		return &changedError{"the store refused its old ETag"}
	case failure.Status == http.StatusRequestedRangeNotSatisfiable:
		return &changedError{"it does not have the planned range any more"}
	case !IsAbsent(err):
		return err
	case failure.Code == codeNoSuchUpload:
		return s.contradicts(t.Key, err, "the answer does not say, as the store itself would, that the key is absent")
	}
	object, present, lookErr := s.Look(ctx, t.Key)
	switch {
	case lookErr != nil:
		return lookErr
	case !present:
		return fmt.Errorf("%w: %s", ErrVanished, err.Error()) // its kind would have it tried again
	case object.ETag != t.ETag && t.ETag != "", object.Size != t.Size, t.VersionID != "" && object.VersionID != t.VersionID:
		return &changedError{"the version that was planned is gone"}
	}
	return s.contradicts(t.Key, err, "the store shows the object to a HEAD")
}

// contradicts is the failure of a request that was answered as if the object were absent,
// though something speaks against it: another attempt may find it.
func (s *Side) contradicts(key string, answer error, why string) error {
	failure := driver.Error{Op: "GET", Message: answer.Error()}
	var known *driver.Error
	if errors.As(answer, &known) {
		failure = *known
	}
	failure.Kind, failure.Bucket, failure.Key = driver.KindUnavailable, s.Name, s.Prefix+key
	text := failure.Message
	if text == "" {
		text = "the store answers that there is no such object"
	}
	failure.Message = text + ": " + why
	return s.failed(0, &failure)
}
