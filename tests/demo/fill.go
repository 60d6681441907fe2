package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/tests/servers"
)

// load is what the source bucket was filled with.
type load struct{ objects, bytes int64 }

// object is one object to put.
type object struct {
	key  string
	size int
}

// fill puts more than 2,000 objects of many kinds into the source bucket.
func fill(ctx context.Context, server *servers.Server) (load, error) {
	objects := []object{{"large/ten.bin", 10 << 20}, {"large/ten-2.bin", 10 << 20}, {"huge/disk image.img", 300 << 20}}
	for i := range 100 {
		objects = append(objects, object{fmt.Sprintf("empty/%03d", i), 0}, object{fmt.Sprintf("one-byte/%03d", i), 1})
	}
	for i := range 1810 {
		objects = append(objects, object{fmt.Sprintf("logs/2026/%02d/%04d.log", i%12+1, i), 4 << 10})
	}
	for _, key := range oddKeys() {
		objects = append(objects, object{"odd/" + key, 100})
	}
	client := server.Client()
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 300<<20)
	_, _ = random.Read(content) // never fails
	var group errgroup.Group
	group.SetLimit(8)
	var filled load
	for i, o := range objects {
		filled.objects++
		filled.bytes += int64(o.size)
		group.Go(func() error {
			input := &s3.PutObjectInput{
				Bucket: aws.String("demo"), Key: aws.String(o.key), Body: bytes.NewReader(content[i%1000:][:min(o.size, len(content)-i%1000)]),
				ContentType: aws.String("application/x-demo"), CacheControl: aws.String("max-age=3600"),
				ContentDisposition: aws.String(`attachment; filename="demo"`), ContentLanguage: aws.String("en"),
				Expires:  aws.Time(time.Date(2033, 12, 1, 16, 0, 0, 0, time.UTC)),
				Metadata: map[string]string{"owner": "demo", "number": fmt.Sprint(i)},
			}
			if o.size == len(content) {
				input.Body = bytes.NewReader(content)
			}
			_, err := client.PutObject(ctx, input)
			return err
		})
	}
	return filled, group.Wait()
}

// oddKeys are keys that trip tools up, as far as this server can hold them.
func oddKeys() []string {
	keys := []string{
		"a b", "a+b", "a%b", "a%2Fb", "a?b", "a#b", "a&b", `a"b`, "a'b", "a;b=c", "a,b", "a:b", "a@b", "a$b", "a*b", "a|b", "<a>", "(a)", "[a]", "{a}",
		"ä", "日本", "😀", "~", "a\u0308", "a=b&c=d", "&amp;",
	}
	segment := strings.Repeat("s", 223)
	return append(keys, strings.Join([]string{segment, segment, segment, segment}, "/")) // 899 bytes with the folder
}
