package drivertest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

func partCases() []testCase {
	many := func(s driver.Session) bool {
		return canUpload(s) && (s.Limits.MaxParts == 0 || s.Limits.MaxParts > manyParts)
	}
	return []testCase{
		{name: "parts-listed", proves: "ListParts shows what was sent, by number", declared: canUpload, run: partsListed},
		{name: "parts-replaced", proves: "sending a part again replaces it", declared: canUpload, run: partsReplaced},
		{name: "parts-pages", proves: "over a thousand parts are listed without loss", declared: many, run: partsPages},
		{name: "parts-length", proves: "a part exchange takes the signed length only", declared: signsParts, run: partsLength},
		{name: "parts-empty", proves: "an object of 0 bytes can be an upload of one empty part, or that is refused", declared: canUpload, run: partsEmpty},
	}
}

// manyParts is more than any store lists in one page.
const manyParts = 1001

func partsListed(k *check) {
	key := k.key("object")
	u := k.create(key, driver.Attributes{})
	if got := u.parts(); len(got) != 0 {
		k.errorf("a new upload lists the parts %+v", got)
	}
	var sent []driver.Part
	for i, number := range []int{3, 1, 2} {
		sent = append(sent, u.send(number, data(key, 100+i)))
	}
	slices.SortFunc(sent, func(a, b driver.Part) int { return cmp.Compare(a.Number, b.Number) })
	k.wantParts(u, sent)
}

// wantParts compares what the store lists with what was sent.
func (k *check) wantParts(u *upload, want []driver.Part) {
	got := u.parts()
	if len(got) != len(want) {
		k.errorf("%d parts are listed, %d were sent", len(got), len(want))
		return
	}
	for i, part := range got {
		if part.Number != want[i].Number || part.Size != want[i].Size || part.ETag != want[i].ETag {
			k.errorf("listed as number %d, %d bytes, ETag %q; sent as %d, %d, %q",
				part.Number, part.Size, part.ETag, want[i].Number, want[i].Size, want[i].ETag)
		}
	}
}

func partsReplaced(k *check) {
	key := k.key("object")
	u := k.create(key, driver.Attributes{})
	u.send(1, data("first try", 300))
	body := data("second try", 200)
	part := u.send(1, body)
	k.wantParts(u, []driver.Part{part})
	u.complete([]driver.Part{part}, body)
	k.wantObject(key, body)
}

func partsPages(k *check) {
	u := k.create(k.key("object"), driver.Attributes{})
	numbers := make(chan int)
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for number := range numbers {
				if _, err := u.trySend(number, []byte{byte(number)}); err != nil {
					k.errorf("send part %d: %v", number, err)
				}
			}
		})
	}
	for number := 1; number <= manyParts; number++ {
		numbers <- number
	}
	close(numbers)
	senders.Wait()
	got := u.parts()
	for i, part := range got {
		if part.Number != i+1 {
			k.fatalf("part %d is listed at position %d", part.Number, i+1)
		}
	}
	if len(got) != manyParts {
		k.errorf("%d parts are listed, %d were sent", len(got), manyParts)
	}
}

func partsLength(k *check) {
	u := k.create(k.key("object"), driver.Attributes{})
	body := data("part", 1000)
	for name, sent := range map[string][]byte{"shorter": body[:999], "longer": append(body[:1000:1000], 'x')} {
		exchange, err := u.uploader.SignPart(k.ctx, driver.PartRequest{Upload: u.ref, Number: 1, Size: int64(len(body))})
		k.must(err, "sign")
		if _, err := k.executor.Do(k.ctx, exchange, Send{Body: sent}); err == nil {
			k.errorf("a %s part than was signed is accepted", name)
		}
	}
	if got := u.parts(); len(got) != 0 {
		k.errorf("refused parts are listed: %+v", got)
	}
}

func partsEmpty(k *check) {
	key := k.key("object")
	u := k.create(key, driver.Attributes{})
	part, err := u.trySend(1, nil)
	if err != nil {
		return // a store may insist on bytes; the host writes empty objects by PUT
	}
	if _, err := u.uploader.CompleteUpload(k.ctx, u.request([]driver.Part{part}, nil)); err == nil {
		k.wantObject(key, nil)
	}
}
