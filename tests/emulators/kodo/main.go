// Command kodo serves Qiniu Kodo from this machine, for tests: its own reading of
// the vendor's documentation (https://developer.qiniu.com/kodo,
// https://github.com/qiniu/api-specs), strict where a client may err. All of the
// services are on one address: uc, up, rs, rsf and the downloads, all private.
//
//	go run ./tests/emulators/kodo -addr 127.0.0.1:PORT -bucket NAME -access-key AK -secret-key SK
//	    [-region z0] [-data DIR] [-strict-host] [-control 127.0.0.1:PORT]
//
// A client finds the services by asking /v4/query of this address. Without
// -strict-host the answer is the address itself (with several buckets, downloads
// are at BUCKET.localhost, or below /BUCKET/ of the address). With -strict-host
// the answer has the vendor's names, such as up-z0.qiniup.com, rs-z0.qiniuapi.com
// and BUCKET.kodo-cn-east-1.qiniucs.com, with this address's port: the client must
// resolve them to it, and each service answers on its own names only.
//
// Faults of the vendor's own, for the control API:
//
//	573        any: the resource is asked for too often; nothing was done
//	579        upload, mkfile, completeMultipartUpload: stored, but the callback failed
//	612, 701   uploads in parts: the upload, or the context, is gone; nothing was done
//	no-reqid   any: an answer of somebody else's, without X-Reqid and X-Log; nothing was done
//	archived   get: the object is archived
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

func main() { os.Exit(serve.Main(run)) }

// bucketName also lets through what only older buckets are called by, as in the
// documentation's samples: capitals and underlines.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{1,61}[A-Za-z0-9]$`)

func run(ctx context.Context, arguments []string, stdout io.Writer) error {
	config, err := serve.Parse("kodo", "z0", arguments, nil)
	if err != nil {
		return err
	}
	for _, name := range config.Buckets {
		if !bucketName.MatchString(name) {
			return fmt.Errorf("-bucket %q: a bucket of Kodo is called by 3 to 63 letters, digits and inner hyphens", name)
		}
	}
	desk := serve.NewDesk()
	s, err := open(config, desk)
	if err != nil {
		return err
	}
	return serve.Run(ctx, config, desk, s, stdout)
}
