package drivertest

import (
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

func uploadCases() []testCase {
	return []testCase{
		{name: "upload", proves: "parts sent in any order become one object, visible at the end only", declared: canUpload, run: uploadObject},
		{name: "upload-overwrite", proves: "the old object stays until an upload completes", declared: canUpload, run: uploadOverwrite},
		{name: "upload-abort", proves: "an aborted upload is gone with its parts", declared: canUpload, run: uploadAbort},
		{name: "upload-unknown", proves: "an unknown upload is not found, and aborting it succeeds", declared: canUpload, run: uploadUnknown},
		{name: "upload-wrong-part", proves: "completing with a part that was not sent fails", declared: canUpload, run: uploadWrongPart},
		{name: "upload-checksum", proves: "a wrong checksum of the whole is not taken on trust", declared: canUpload, run: uploadChecksum},
		{name: "upload-two", proves: "two uploads of one key do not share parts", declared: canUpload, run: uploadTwo},
	}
}

// threeParts returns a body that takes three parts, and the parts.
func (k *check) threeParts(key string) (whole []byte, parts [][]byte) {
	size := k.partSize()
	whole = data(key, 2*size+1)
	return whole, [][]byte{whole[:size], whole[size : 2*size], whole[2*size:]}
}

func uploadObject(k *check) {
	key := k.key("object")
	whole, bodies := k.threeParts(key)
	u := k.create(key, driver.Attributes{})
	parts := make([]driver.Part, 3)
	for _, i := range []int{2, 0, 1} {
		parts[i] = u.send(i+1, bodies[i])
	}
	k.wantAbsent(key)
	if listed := k.list(driver.ListRequest{Prefix: k.prefix}); len(listed) != 0 {
		k.errorf("a listing shows %q before its upload is complete", keysOf(listed))
	}
	completed := u.complete(parts, whole)
	got := k.wantObject(key, whole)
	object := k.stat(key)
	if object.Size != int64(len(whole)) || object.ETag != completed.ETag || got.ETag != completed.ETag {
		k.errorf("completed as ETag %q, GET says %q, stat says %q with %d bytes, want %d",
			completed.ETag, got.ETag, object.ETag, object.Size, len(whole))
	}
	k.checkChecksums("stat", key, object.Checksums, whole)
	k.checkChecksums("get", key, got.Checksums, whole)
	_, err := u.uploader.ListParts(k.ctx, driver.ListPartsRequest{Upload: u.ref})
	k.wantKind(err, "list the parts of a completed upload", driver.KindNotFound)
}

func uploadOverwrite(k *check) {
	key := k.key("object")
	old := data("old", 100)
	k.put(key, old, driver.Attributes{ContentType: "text/old"})
	u := k.create(key, driver.Attributes{ContentType: "text/new"})
	body := data("new", 200)
	part := u.send(1, body)
	if answer := k.wantObject(key, old); answer.Attributes.ContentType != "text/old" {
		k.errorf("an open upload changes the old object's type to %q", answer.Attributes.ContentType)
	}
	u.complete([]driver.Part{part}, body)
	k.wantObject(key, body)
}

func uploadAbort(k *check) {
	key := k.key("object")
	u := k.create(key, driver.Attributes{})
	part := u.send(1, data(key, 100))
	for range 2 {
		k.must(u.uploader.AbortUpload(k.ctx, u.ref), "abort")
	}
	_, err := u.uploader.ListParts(k.ctx, driver.ListPartsRequest{Upload: u.ref})
	k.wantKind(err, "list the parts of an aborted upload", driver.KindNotFound)
	_, err = u.uploader.CompleteUpload(k.ctx, u.request([]driver.Part{part}, data(key, 100)))
	k.wantKind(err, "complete an aborted upload", driver.KindNotFound)
	if _, err := u.trySend(2, data(key, 10)); err == nil {
		k.errorf("a part of an aborted upload is accepted")
	}
	k.wantAbsent(key)
}

func uploadUnknown(k *check) {
	u := k.create(k.key("object"), driver.Attributes{})
	k.must(u.uploader.AbortUpload(k.ctx, u.ref), "abort") // now it is unknown, and its id is well formed
	_, err := u.trySend(1, data("x", 10))
	k.wantKind(err, "send a part of an unknown upload", driver.KindNotFound)
	_, err = u.uploader.ListParts(k.ctx, driver.ListPartsRequest{Upload: u.ref})
	k.wantKind(err, "list the parts of an unknown upload", driver.KindNotFound)
	k.must(u.uploader.AbortUpload(k.ctx, u.ref), "abort an unknown upload")
}

func uploadWrongPart(k *check) {
	key := k.key("object")
	body := data(key, 100)
	u := k.create(key, driver.Attributes{})
	old := u.send(1, data("replaced", 100))
	part := u.send(1, body)
	missing := part
	missing.Number = 2
	for doing, parts := range map[string][]driver.Part{
		"a replaced part":          {old},
		"a part that was not sent": {part, missing},
	} {
		_, err := u.uploader.CompleteUpload(k.ctx, u.request(parts, body))
		k.wantKind(err, "complete with "+doing, driver.KindInvalidArgument, driver.KindPreconditionFailed, driver.KindNotFound)
		k.wantAbsent(key)
	}
	u.complete([]driver.Part{part}, body)
	k.wantObject(key, body)
}

func uploadChecksum(k *check) {
	stored := k.session.Checksums.Stored
	if len(stored) == 0 {
		k.notDeclared() // nothing that could lie
	}
	key := k.key("object")
	body := data(key, 100)
	u := k.create(key, driver.Attributes{})
	part := u.send(1, body)
	request := u.request([]driver.Part{part}, body)
	if request.Checksum.IsZero() {
		k.notDeclared() // an algorithm that depends on more than the bytes
	}
	request.Checksum, _ = sum(stored[0], data("other", 100))
	object, err := u.uploader.CompleteUpload(k.ctx, request)
	if err != nil {
		k.wantKind(err, "complete with a wrong checksum", driver.KindIntegrity)
		k.wantAbsent(key)
		return
	}
	// A driver may leave the announcement out; what it stores must not lie.
	k.checkChecksums("complete with a wrong checksum", key, object.Checksums, body)
	k.checkChecksums("stat", key, k.stat(key).Checksums, body)
	k.wantObject(key, body)
}

func uploadTwo(k *check) {
	key := k.key("object")
	first, second := k.create(key, driver.Attributes{}), k.create(key, driver.Attributes{})
	if first.ref.ID == second.ref.ID {
		k.fatalf("two uploads of one key have the same id %q", first.ref.ID)
	}
	one := first.send(1, data("first", 100))
	two := second.send(1, data("second", 200))
	for u, want := range map[*upload]driver.Part{first: one, second: two} {
		if got := u.parts(); len(got) != 1 || got[0].Size != want.Size || got[0].ETag != want.ETag {
			k.errorf("upload %s lists the parts %+v, want one of %d bytes", u.ref.ID, got, want.Size)
		}
	}
	second.complete([]driver.Part{two}, data("second", 200))
	k.wantObject(key, data("second", 200))
	if !slices.ContainsFunc(first.parts(), func(p driver.Part) bool { return p.ETag == one.ETag }) {
		k.errorf("completing one upload lost the part of another")
	}
}
