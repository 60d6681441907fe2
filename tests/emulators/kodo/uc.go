package main

import (
	"net/http"
	"slices"
	"strings"
)

// ttl is for how long a client may believe where the services are, in seconds.
const ttl = 86400

func (s *server) routeUC(segments []string) operation {
	switch path := "/" + strings.Join(segments, "/"); {
	case path == "/v4/query":
		return operation{"v4/query", "", s.queryV4}
	case path == "/v2/query":
		return operation{"v2/query", "", s.queryV2}
	case path == "/buckets":
		return operation{"buckets", "", s.listBuckets}
	case path == "/v2/domains", path == "/v3/domains":
		return operation{"domains", "", s.domains}
	case segments[0] == "mkbucketv3" && len(segments) >= 2:
		return operation{"mkbucketv3", "", func(w http.ResponseWriter, r *http.Request) error { return s.makeBucket(w, r, segments[1]) }}
	}
	return refused("unknown", errNoOperation)
}

// asked returns the bucket that a query for its region names.
func (s *server) asked(r *http.Request) (string, error) {
	query := r.URL.Query()
	if query.Get("ak") == "" || query.Get("bucket") == "" {
		return "", errArgument
	}
	if query.Get("ak") != s.account.AccessKey {
		return "", errNoAccessKey
	}
	_, err := s.store(query.Get("bucket"))
	return query.Get("bucket"), err
}

// queryV4 tells where the services of a bucket are. The answer's form is that of
// qiniu/go-sdk's storagev2/apis/query_bucket_v4.
func (s *server) queryV4(w http.ResponseWriter, r *http.Request) error {
	bucket, err := s.asked(r)
	if err != nil {
		return err
	}
	domains := func(at service, bucket string) map[string]any {
		return map[string]any{"domains": s.locate(at, bucket, r.Host)}
	}
	answer(w, http.StatusOK, map[string]any{
		"ttl": ttl,
		"hosts": []map[string]any{{
			"region": s.region,
			"ttl":    ttl,
			"up":     domains(up, ""),
			"io":     domains(download, ""),
			"io_src": domains(download, bucket),
			"rs":     domains(rs, ""),
			"rsf":    domains(rsf, ""),
			"api":    domains(rs, ""),
			"uc":     domains(uc, ""),
			"s3":     map[string]any{"domains": []string{"s3." + s.region.alias() + ".qiniucs.com"}, "region_alias": s.region.alias()},
		}},
	})
	return nil
}

// queryV2 tells the same in an older form.
func (s *server) queryV2(w http.ResponseWriter, r *http.Request) error {
	bucket, err := s.asked(r)
	if err != nil {
		return err
	}
	main := func(kind string, at service, bucket string) map[string]any {
		hosts := s.locate(at, bucket, r.Host)
		info := map[string]any{"main": hosts[:1]}
		if len(hosts) > 1 {
			info["backup"] = hosts[1:]
		}
		return map[string]any{kind: info}
	}
	answer(w, http.StatusOK, map[string]any{
		"region": s.region,
		"ttl":    ttl,
		"up":     main("src", up, ""),
		"io":     main("src", download, ""),
		"io_src": main("src", download, bucket),
		"rs":     main("acc", rs, ""),
		"rsf":    main("acc", rsf, ""),
		"api":    main("acc", rs, ""),
	})
	return nil
}

func (s *server) listBuckets(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.authorized(w, r); err != nil {
		return err
	}
	answer(w, http.StatusOK, s.names)
	return nil
}

// domains lists the names that a bucket's objects can be read at.
func (s *server) domains(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.authorized(w, r); err != nil {
		return err
	}
	bucket := r.URL.Query().Get("tbl")
	if _, err := s.store(bucket); err != nil {
		return err
	}
	names := s.locate(download, bucket, r.Host)
	if r.URL.Path == "/v2/domains" {
		answer(w, http.StatusOK, names)
		return nil
	}
	list := make([]map[string]any, len(names))
	for i, name := range names {
		list[i] = map[string]any{"domain": name, "tbl": bucket}
	}
	answer(w, http.StatusOK, list)
	return nil
}

// makeBucket makes none: the account has the buckets that the command line names,
// and may not have more.
func (s *server) makeBucket(w http.ResponseWriter, r *http.Request, name string) error {
	if _, err := s.authorized(w, r); err != nil {
		return err
	}
	switch {
	case !bucketName.MatchString(name):
		return errArgument
	case slices.Contains(s.names, name):
		return errBucketExists
	}
	return errBucketLimit
}
