package misbehaving

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

var withoutETags = regexp.MustCompile(`<ETag>[^<]*</ETag>`)

// absenceLies are about objects that are said to be gone.
func absenceLies() map[string]lie {
	absent := func(code string) func(*Store, http.ResponseWriter, *request) bool {
		return on("Get", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusNotFound, code)
			return true
		})
	}
	return map[string]lie{
		"absent-page":    {serve: always("Get", http.StatusNotFound, "text/html", loginPage)},
		"absent-empty":   {serve: always("Get", http.StatusNotFound, "text/plain", "")},
		"absent-upload":  {serve: absent("NoSuchUpload")},
		"absent-bucket":  {serve: absent("NoSuchBucket")},
		"absent-listed":  {serve: absent("NoSuchKey")},
		"absent-unknown": {serve: absent("Nothing")},
		"absent-once": {harmless: true, serve: on("Get", func(_ *Store, w http.ResponseWriter, asked *request) bool {
			if asked.number > 1 {
				return false
			}
			say(w, http.StatusNotFound, "text/html", loginPage)
			return true
		})},
		"absent-part-once": {large: true, harmless: true, serve: on("Get", func(_ *Store, w http.ResponseWriter, asked *request) bool {
			if asked.number != 2 {
				return false
			}
			say(w, http.StatusNotFound, "text/html", loginPage)
			return true
		})},
		// Not a lie: the object is gone, and the run says so.
		"vanishes": {harmless: true, serve: on("Get", func(s *Store, w http.ResponseWriter, asked *request) bool {
			s.Remove(asked.key)
			return false
		}), check: func(w *world, prefix string, told outcome) {
			if told.report.Objects.Vanished != 2 || !strings.Contains(told.text, prefix+"small") && !strings.Contains(told.text, "small") {
				w.t.Errorf("%s: vanished %d, and the report is %s", prefix, told.report.Objects.Vanished, told.text)
			}
		}},
	}
}

// listingLies are about pages of a listing.
func listingLies() map[string]lie {
	page := func(change func(page string) string) lie {
		return lie{serve: on("List", func(s *Store, w http.ResponseWriter, asked *request) bool {
			honest := s.recorded(asked)
			head(w, honest)
			_, _ = w.Write([]byte(change(honest.Body.String())))
			return true
		})}
	}
	swap := func(old, fresh string) lie {
		return page(func(text string) string { return strings.ReplaceAll(text, old, fresh) })
	}
	entry := func(key, size string) string {
		return "<Contents><Key>" + key + "</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>" +
			size + "</Size></Contents></ListBucketResult>"
	}
	plus := func(key, size string) lie { return swap("</ListBucketResult>", entry(key, size)) }
	fewer := page(func(text string) string { return cutContents.ReplaceAllString(text, "") })
	fewer.blind = func(n Nature) bool { return !n.Counts }
	return map[string]lie{
		"list-foreign-key":         plus("zzz/foreign", "10"),
		"list-short-key":           plus("zz", "10"),
		"list-negative-size":       plus("list-negative-size/zzz", "-5"),
		"list-no-size":             plus("list-no-size/zzz", ""),
		"list-other-bucket":        swap("<Name>"+bucketName+"</Name>", "<Name>other</Name>"),
		"list-key-count":           fewer,
		"list-no-truncated":        swap("<IsTruncated>false</IsTruncated>", ""),
		"list-truncated-token":     swap("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated>"),
		"list-token-for-ever":      swap("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken><NextMarker>list</NextMarker>"),
		"list-empty-result":        page(func(string) string { return "<ListBucketResult/>" }),
		"list-cut":                 page(func(text string) string { return text[:len(text)-30] }),
		"list-login-page":          page(func(string) string { return loginPage }),
		"list-nothing":             page(func(string) string { return "" }),
		"list-other-document":      page(func(string) string { return "<ListAllMyBucketsResult></ListAllMyBucketsResult>" }),
		"list-delimited":           page(func(text string) string { return recount(grouped(text)) }),
		"list-delimited-uncounted": page(func(text string) string { return keyCount.ReplaceAllString(grouped(text), "") }),
		"list-delimiter-alone": page(func(text string) string {
			return recount(strings.Replace(withoutFirst(text), "<IsTruncated>", "<Delimiter>/</Delimiter><IsTruncated>", 1))
		}),
		"list-other-token": page(func(text string) string {
			return recount(strings.Replace(withoutFirst(text), "<IsTruncated>", "<ContinuationToken>b3RoZXI=</ContinuationToken><Marker>list-other-token/m</Marker><IsTruncated>", 1))
		}),
		"list-other-start": page(func(text string) string {
			return recount(strings.Replace(withoutFirst(text), "<IsTruncated>", "<StartAfter>list-other-start/m</StartAfter><Marker>list-other-start/m</Marker><IsTruncated>", 1))
		}),
		"list-twice": page(func(text string) string {
			return strings.Replace(text, "</ListBucketResult>", firstContents.FindString(text)+"</ListBucketResult>", 1)
		}),
	}
}

var (
	firstContents = regexp.MustCompile(`<Contents>.*?</Contents>`)
	cutContents   = regexp.MustCompile(`<Contents>.*</Contents>`)
	keyCount      = regexp.MustCompile(`<KeyCount>\d+</KeyCount>`)
)

func withoutFirst(page string) string {
	return strings.Replace(page, firstContents.FindString(page), "", 1)
}

// grouped is the page of a listing by folders, which another client may have asked for.
func grouped(page string) string {
	const folder = "<Delimiter>/</Delimiter><CommonPrefixes><Prefix>folder/</Prefix></CommonPrefixes>"
	return strings.Replace(withoutFirst(page), "</ListBucketResult>", folder+"</ListBucketResult>", 1)
}

// recount lets the page count the keys that it has.
func recount(page string) string {
	return keyCount.ReplaceAllString(page, "<KeyCount>"+strconv.Itoa(strings.Count(page, "<Contents>"))+"</KeyCount>")
}
