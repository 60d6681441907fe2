package drivertest

import "github.com/dth-dev/dth/sdk/driver"

func copyCases() []testCase {
	return []testCase{
		{name: "copy-reach", proves: "ReachCopy accepts the bucket itself and refuses one that cannot be read", declared: canCopy, run: copyReach},
		{name: "copy-object", proves: "a copy inside the store has the bytes and attributes of the source", declared: canCopy, run: copyObject},
		{name: "copy-version", proves: "a copy of a version that is gone is refused", declared: copiesVersions, run: copyVersion},
		{name: "copy-absent", proves: "copying an absent object is not found, and writes nothing", declared: canCopy, run: copyAbsent},
		{name: "copy-part", proves: "ranges of a source become the parts of an upload", declared: copiesParts, run: copyPart},
	}
}

func canCopy(s driver.Session) bool { return s.Has(driver.CapabilityCopier) }

// copiesParts says whether there is a size from which objects are copied in parts.
func copiesParts(s driver.Session) bool { return canCopy(s) && canUpload(s) && s.Limits.MaxCopy > 0 }

// copiesVersions says whether the store compares ETags at all.
func copiesVersions(s driver.Session) bool {
	return canCopy(s) && s.Has(driver.CapabilityConditionalGet)
}

func (k *check) copier() driver.Copier {
	copier, can := driver.As[driver.Copier](k.bucket, driver.CapabilityCopier)
	if !can {
		k.fatalf("the bucket declares copier but does not implement it")
	}
	return copier
}

// here is the bucket under test as a source.
func (k *check) here() driver.CopySource {
	return driver.CopySource{Bucket: k.harness.Bucket.Bucket, Options: k.harness.Bucket.Options}
}

func copyReach(k *check) {
	copier := k.copier()
	k.must(copier.ReachCopy(k.ctx, k.here()), "reach the bucket itself")
	if absent := k.harness.Absent; absent != nil {
		err := copier.ReachCopy(k.ctx, driver.CopySource{Bucket: absent.Bucket, Options: absent.Options})
		k.wantKind(err, "reach an absent bucket", driver.KindNotFound, driver.KindDenied, driver.KindUnsupported)
	}
}

func copyObject(k *check) {
	copier := k.copier()
	for name, attributes := range attributeSets() {
		from, to := k.key(name), k.key(name+"-copy")
		body := data(from, 3000)
		k.put(from, body, attributes)
		k.put(to, data("old", 10), driver.Attributes{ContentType: "text/old"})
		object, err := copier.CopyObject(k.ctx, driver.CopyObjectRequest{Source: k.here(), Object: k.stat(from), Key: to})
		k.must(err, "copy %q", from)
		k.checkEvidence("copy", to, object.ETag, object.Checksums, body)
		k.wantObject(to, body)
		k.wantAttributes(to, attributes)
		k.wantObject(from, body)
	}
}

func copyVersion(k *check) {
	from, to := k.key("source"), k.key("copy")
	k.put(from, data("old", 100), driver.Attributes{})
	old := k.stat(from)
	k.put(from, data("new", 100), driver.Attributes{})
	_, err := k.copier().CopyObject(k.ctx, driver.CopyObjectRequest{Source: k.here(), Object: old, Key: to})
	k.wrote(to)
	k.wantKind(err, "copy a version that was replaced", driver.KindPreconditionFailed)
	k.wantAbsent(to)
}

func copyAbsent(k *check) {
	to := k.key("copy")
	_, err := k.copier().CopyObject(k.ctx, driver.CopyObjectRequest{Source: k.here(), Object: driver.Object{Key: k.key("absent"), Size: 10}, Key: to})
	k.wrote(to)
	k.wantKind(err, "copy an absent object", driver.KindNotFound)
	k.wantAbsent(to)
}

func copyPart(k *check) {
	from, to := k.key("source"), k.key("copy")
	whole, bodies := k.threeParts(from)
	k.put(from, whole, driver.Attributes{})
	source := k.stat(from)
	u := k.create(to, driver.Attributes{ContentType: "text/x-copied"})
	var parts []driver.Part
	offset := int64(0)
	for i, body := range bodies {
		part, err := k.copier().CopyPart(k.ctx, driver.CopyPartRequest{
			Source: k.here(), Object: source, Upload: u.ref, Number: i + 1, Offset: offset, Size: int64(len(body)),
		})
		k.must(err, "copy part %d", i+1)
		if part.Number != i+1 || part.Size != int64(len(body)) || part.ETag == "" {
			k.errorf("part %d of %d bytes was copied as part %d of %d bytes with ETag %q", i+1, len(body), part.Number, part.Size, part.ETag)
		}
		k.checkChecksums("copied part", to, part.Checksums, body)
		parts = append(parts, part)
		offset += int64(len(body))
	}
	u.complete(parts, whole)
	k.wantObject(to, whole)
}
