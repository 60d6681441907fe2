package drivertest

import (
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

func classCases() []testCase {
	return []testCase{
		{name: "tags", proves: "tags written with an object are read back", declared: keepsTags, run: tags},
		{name: "storage-class", proves: "objects are stored in the class that was asked for", declared: hasClasses, run: storageClass},
		{name: "storage-class-unknown", proves: "a class that the store does not have is refused", declared: hasClasses, run: unknownClass},
		{name: "frozen", proves: "an archived object is KindFrozen, and restoring it may be asked twice", declared: restores, run: frozen},
		{name: "events-foreign", proves: "a payload that is no notification of the store is refused", declared: parsesEvents, run: foreignEvents},
	}
}

func keepsTags(s driver.Session) bool    { return s.Has(driver.CapabilityTagger) }
func hasClasses(s driver.Session) bool   { return len(s.StorageClasses) > 0 }
func parsesEvents(s driver.Session) bool { return s.Has(driver.CapabilityEventParser) }

func archived(class driver.StorageClass) bool { return class.Tier.MustRestore() }

func restores(s driver.Session) bool {
	return s.Has(driver.CapabilityRestorer) && slices.ContainsFunc(s.StorageClasses, archived)
}

func tags(k *check) {
	tagger, can := driver.As[driver.Tagger](k.bucket, driver.CapabilityTagger)
	if !can {
		k.fatalf("the bucket declares tagger but does not implement it")
	}
	sets := map[string][]driver.Tag{
		"none": nil, "one": {{Key: "team", Value: "seven"}},
		"odd": {{Key: "a b", Value: "c+d=e"}, {Key: "empty", Value: ""}},
	}
	for name, want := range sets {
		put, uploaded := k.key(name+"-put"), k.key(name+"-upload")
		k.put(put, data(put, 10), driver.Attributes{Tags: want})
		keys := []string{put}
		if canUpload(k.session) {
			u := k.create(uploaded, driver.Attributes{Tags: want})
			u.complete([]driver.Part{u.send(1, data(uploaded, 10))}, data(uploaded, 10))
			keys = append(keys, uploaded)
		}
		for _, key := range keys {
			got, err := tagger.Tags(k.ctx, driver.StatRequest{Key: key})
			k.must(err, "tags of %q", key)
			if !slices.Equal(got, want) {
				k.errorf("%q has the tags %q, want %q", key, got, want)
			}
		}
	}
	_, err := tagger.Tags(k.ctx, driver.StatRequest{Key: k.key("absent")})
	k.wantKind(err, "tags of an absent object", driver.KindNotFound)
}

func storageClass(k *check) {
	for _, class := range k.session.StorageClasses {
		put := k.key(class.Name + "-put")
		k.put(put, data(put, 100), driver.Attributes{StorageClass: class.Name})
		keys := []string{put}
		if canUpload(k.session) {
			uploaded := k.key(class.Name + "-upload")
			u := k.create(uploaded, driver.Attributes{StorageClass: class.Name})
			u.complete([]driver.Part{u.send(1, data(uploaded, 100))}, data(uploaded, 100))
			keys = append(keys, uploaded)
		}
		for _, key := range keys {
			k.wantClass("stat", k.stat(key), class)
		}
		for _, object := range k.list(driver.ListRequest{Prefix: put}) {
			k.wantClass("list", object, class)
		}
	}
}

// wantClass compares the class of an object. The default class, which is hot, may be
// told as nothing.
func (k *check) wantClass(from string, object driver.Object, want driver.StorageClass) {
	if object.StorageClass != want.Name && (object.StorageClass != "" || want.Tier != driver.TierHot) {
		k.errorf("%s says class %q of %q, want %q", from, object.StorageClass, object.Key, want.Name)
	}
}

func unknownClass(k *check) {
	key := k.key("object")
	_, err := k.tryPut(key, data(key, 10), driver.Attributes{StorageClass: "NO_SUCH_CLASS"})
	k.wantKind(err, "put in a class that does not exist", driver.KindInvalidArgument)
	k.wantAbsent(key)
}

func frozen(k *check) {
	restorer, can := driver.As[driver.Restorer](k.bucket, driver.CapabilityRestorer)
	if !can {
		k.fatalf("the bucket declares restorer but does not implement it")
	}
	for _, class := range k.session.StorageClasses {
		if !archived(class) {
			continue
		}
		key := k.key(class.Name)
		k.put(key, data(key, 100), driver.Attributes{StorageClass: class.Name})
		k.wantFrozen(key, true)
		_, err := k.tryGet(key, Send{})
		k.wantKind(err, "get of an object in class "+class.Name, driver.KindFrozen)
		readable := false
		for range 2 {
			readable, err = restorer.Restore(k.ctx, driver.RestoreRequest{Key: key, Days: 1})
			k.must(err, "restore %q", key)
		}
		if readable {
			k.wantObject(key, data(key, 100))
			k.wantFrozen(key, false)
		}
	}
	hot := k.key("not-archived")
	k.put(hot, data(hot, 10), driver.Attributes{})
	k.wantFrozen(hot, false)
	readable, err := restorer.Restore(k.ctx, driver.RestoreRequest{Key: hot, Days: 1})
	if err != nil || !readable {
		k.errorf("restoring an object that is not archived says readable %t, %v", readable, err)
	}
	_, err = restorer.Restore(k.ctx, driver.RestoreRequest{Key: k.key("absent"), Days: 1})
	k.wantKind(err, "restore an absent object", driver.KindNotFound)
}

// wantFrozen looks whether a listing calls the object frozen. One that tells nothing is
// right in any case.
func (k *check) wantFrozen(key string, may bool) {
	page, err := k.bucket.List(k.ctx, driver.ListRequest{Prefix: key})
	k.must(err, "list %q", key)
	for _, object := range page.Objects {
		if object.Key == key && object.Frozen && !may {
			k.errorf("the listing says that %q must be restored, and it is readable", key)
		}
	}
}

func foreignEvents(k *check) {
	parser, can := driver.As[driver.EventParser](k.bucket, driver.CapabilityEventParser)
	if !can {
		k.fatalf("the bucket declares event-parser but does not implement it")
	}
	for _, payload := range []string{"", "null", "[]", "{}", "no JSON", `{"unrelated": 1}`, "\x00\xff"} {
		events, err := parser.ParseEvents(k.ctx, []byte(payload))
		if len(events) > 0 {
			k.errorf("the payload %q is read as %v", payload, events)
		}
		k.wantKind(err, "parse "+payload, driver.KindInvalidArgument)
	}
}
