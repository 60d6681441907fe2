package s3driver

import "github.com/dth-dev/dth/sdk/driver"

// errorRules map S3's error codes to kinds: the one table for control calls
// here and for exchanges in the host. The first match wins. Sources: Amazon S3
// API reference, "Error responses"; aws-sdk-go-v2 aws/retry/standard.go for the
// throttling codes; MinIO cmd/api-errors.go for XMinio… and SlowDownRead/Write.
var errorRules = []driver.ErrorRule{
	{Code: "SlowDown", Kind: driver.KindThrottled},
	{Code: "SlowDownRead", Kind: driver.KindThrottled},
	{Code: "SlowDownWrite", Kind: driver.KindThrottled},
	{Code: "Throttling", Kind: driver.KindThrottled},
	{Code: "ThrottlingException", Kind: driver.KindThrottled},
	{Code: "ThrottledException", Kind: driver.KindThrottled},
	{Code: "RequestThrottled", Kind: driver.KindThrottled},
	{Code: "RequestThrottledException", Kind: driver.KindThrottled},
	{Code: "TooManyRequests", Kind: driver.KindThrottled},
	{Code: "TooManyRequestsException", Kind: driver.KindThrottled},
	{Code: "RequestLimitExceeded", Kind: driver.KindThrottled},
	{Code: "BandwidthLimitExceeded", Kind: driver.KindThrottled},
	{Code: "PriorRequestNotComplete", Kind: driver.KindThrottled},

	{Code: "InternalError", Kind: driver.KindUnavailable},
	{Code: "RequestTimeout", Kind: driver.KindUnavailable},
	{Code: "OperationAborted", Kind: driver.KindUnavailable},
	{Code: "ConditionalRequestConflict", Kind: driver.KindUnavailable},

	{Code: "RequestTimeTooSkewed", Kind: driver.KindExpired},
	{Code: "ExpiredToken", Kind: driver.KindExpired},
	{Code: "ExpiredTokenException", Kind: driver.KindExpired},
	{Code: "RequestExpired", Kind: driver.KindExpired},
	{Code: "TokenRefreshRequired", Kind: driver.KindExpired},
	{Code: "AccessDenied", Message: "Request has expired", Kind: driver.KindExpired},
	{Code: "AccessDenied", Message: "Request is not valid yet", Kind: driver.KindExpired}, // a clock that is ahead

	{Code: "InvalidObjectState", Kind: driver.KindFrozen},

	{Code: "BadDigest", Kind: driver.KindIntegrity},
	{Code: "XAmzContentSHA256Mismatch", Kind: driver.KindIntegrity},
	{Code: "XAmzContentChecksumMismatch", Kind: driver.KindIntegrity},
	{Code: "IncompleteBody", Kind: driver.KindIntegrity},

	{Code: "NoSuchKey", Kind: driver.KindNotFound},
	{Code: "NoSuchVersion", Kind: driver.KindNotFound},
	{Code: "NoSuchBucket", Kind: driver.KindNotFound},
	{Code: "NoSuchUpload", Kind: driver.KindNotFound},

	{Code: "PreconditionFailed", Kind: driver.KindPreconditionFailed},

	{Code: "AccessDenied", Kind: driver.KindDenied},
	{Code: "InvalidAccessKeyId", Kind: driver.KindDenied},
	{Code: "SignatureDoesNotMatch", Kind: driver.KindDenied},
	{Code: "InvalidToken", Kind: driver.KindDenied},
	{Code: "AllAccessDisabled", Kind: driver.KindDenied},
	{Code: "AccountProblem", Kind: driver.KindDenied},
	{Code: "XAdminUserNotFound", Kind: driver.KindDenied}, // versitygw's word for an unknown access key, with status 404

	{Code: "NotImplemented", Kind: driver.KindUnsupported},
	{Status: 501, Kind: driver.KindUnsupported},

	{Status: 503, Kind: driver.KindThrottled},
	{Status: 429, Kind: driver.KindThrottled},
	{Status: 301, Kind: driver.KindInvalidArgument}, // another region
	{Status: 307, Kind: driver.KindInvalidArgument},
	{Status: 400, Kind: driver.KindInvalidArgument},
}
