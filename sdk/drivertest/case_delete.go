package drivertest

import "github.com/dth-dev/dth/sdk/driver"

func deleteCases() []testCase {
	return []testCase{
		{name: "delete", proves: "Delete removes exactly one key", run: deleteOne},
		{name: "delete-absent", proves: "deleting an absent key succeeds, again and again", run: deleteAbsent},
	}
}

func deleteOne(k *check) {
	key := k.key("object")
	neighbours := []string{key + "0", k.key("objec"), k.key("Object")}
	body := data(key, 100)
	for _, name := range append(neighbours, key) {
		k.put(name, body, driver.Attributes{})
	}
	k.must(k.bucket.Delete(k.ctx, driver.DeleteRequest{Key: key}), "delete")
	k.wantAbsent(key)
	_, err := k.tryGet(key, Send{})
	k.wantKind(err, "get of a deleted object", driver.KindNotFound)
	for _, name := range neighbours {
		k.wantObject(name, body)
	}
}

func deleteAbsent(k *check) {
	for range 2 {
		k.must(k.bucket.Delete(k.ctx, driver.DeleteRequest{Key: k.key("nothing")}), "delete an absent key")
	}
}
