package trial

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
)

// copied counts the objects at the destination; one of another size is an error.
func (t *trial) copied(ctx context.Context) (int, error) {
	count := 0
	for token := ""; ; {
		var page struct {
			Contents []struct {
				Key  string
				Size int64
			}
			Next string `xml:"NextContinuationToken"`
		}
		address := fmt.Sprintf("http://%s/%s?list-type=2&continuation-token=%s", t.destination, bucket, url.QueryEscape(token))
		if err := fetch(ctx, address, func(response *http.Response) error { return xml.NewDecoder(response.Body).Decode(&page) }); err != nil {
			return count, err
		}
		for _, object := range page.Contents {
			if object.Size != t.config.Size {
				return count, fmt.Errorf("%s has %d bytes at the destination, not %d", object.Key, object.Size, t.config.Size)
			}
		}
		count += len(page.Contents)
		if token = page.Next; token == "" {
			return count, nil
		}
	}
}
