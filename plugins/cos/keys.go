package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
)

const (
	// metadataService is https://www.tencentcloud.com/document/product/213/4934.
	metadataService = "http://metadata.tencentyun.com"
	// metadataDeadline is short: the service is on the machine's own network, or nowhere.
	metadataDeadline = 5 * time.Second
)

// chain opens Tencent Cloud's own sources: a profile of its command line tool, or, in
// this order, the environment, the tool's default profile and the role of the machine.
// The SDK's providers take no context and keep the end of the keys to themselves.
func (s store) chain(_ context.Context, profile string) (control.Source, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(home, ".tccli", cmp.Or(profile, "default")+".credential")
	if profile != "" {
		return func(context.Context, control.Reason) (credentials.Keys, error) { return fromTool(path) }, nil
	}
	return func(ctx context.Context, _ control.Reason) (credentials.Keys, error) {
		if keys := fromEnvironment(); keys.AccessKeyID != "" && keys.SecretAccessKey != "" {
			return keys, nil
		}
		if keys, err := fromTool(path); !errors.Is(err, fs.ErrNotExist) {
			return keys, err
		}
		keys, err := s.fromRole(ctx)
		if err != nil {
			// Not the error itself: that the machine has no metadata is no trouble of the store's.
			err = fmt.Errorf("no credentials in the environment, in %s and from the machine's role (%s): "+
				"give the location credentials such as env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous", path, err.Error())
		}
		return keys, err
	}, nil
}

// fromEnvironment reads the variables of Tencent Cloud's tools and SDKs, which call the
// token by two names: https://cloud.tencent.com/document/product/440/96291.
func fromEnvironment() credentials.Keys {
	return credentials.Keys{
		AccessKeyID: os.Getenv("TENCENTCLOUD_SECRET_ID"), SecretAccessKey: os.Getenv("TENCENTCLOUD_SECRET_KEY"),
		SessionToken: cmp.Or(os.Getenv("TENCENTCLOUD_TOKEN"), os.Getenv("TENCENTCLOUD_SESSION_TOKEN")),
	}
}

// fromTool reads a credentials file of tccli.
func fromTool(path string) (credentials.Keys, error) {
	document, err := os.ReadFile(path)
	if err != nil {
		return credentials.Keys{}, err
	}
	var found struct{ SecretID, SecretKey, Token string }
	if json.Unmarshal(document, &found) != nil || found.SecretID == "" || found.SecretKey == "" {
		return credentials.Keys{}, fmt.Errorf("%s holds no secretId and secretKey: run tccli configure", path)
	}
	return credentials.Keys{AccessKeyID: found.SecretID, SecretAccessKey: found.SecretKey, SessionToken: found.Token}, nil
}

// fromRole asks the metadata service for the keys of the machine's role.
func (s store) fromRole(ctx context.Context) (credentials.Keys, error) {
	role, err := s.askMetadata(ctx, "")
	if err != nil {
		return credentials.Keys{}, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(role)), "\n")
	document, err := s.askMetadata(ctx, name)
	if err != nil {
		return credentials.Keys{}, err
	}
	var found cos.CVMSecurityCredentials
	if json.Unmarshal(document, &found) != nil || found.Code != "Success" || found.TmpSecretId == "" || found.ExpiredTime == 0 {
		return credentials.Keys{}, fmt.Errorf("the metadata service gives no keys for role %q (%s)", name, found.Code)
	}
	return credentials.Keys{
		AccessKeyID: found.TmpSecretId, SecretAccessKey: found.TmpSecretKey, SessionToken: found.Token, Expires: time.Unix(found.ExpiredTime, 0),
	}, nil
}

func (s store) askMetadata(ctx context.Context, role string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metadata+"/latest/meta-data/cam/security-credentials/"+role, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy leads to one's own machine
	answer, err := control.Send(&http.Client{Transport: transport, Timeout: metadataDeadline}, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("the metadata service answers HTTP %d: give the machine a role", answer.Status)
	}
	return answer.Body, nil
}
