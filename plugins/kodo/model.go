package main

import "github.com/dth-dev/dth/sdk/control"

// endUser is the member of stat that names whose an object is, as the upload's policy said.
const endUser = "enduser"

// model is what becomes of the headers of a download from Kodo, and of the members of stat,
// which knows more of an object than its download shows. Sources:
// https://developer.qiniu.com/kodo/1312/download, https://developer.qiniu.com/kodo/1308/stat,
// https://developer.qiniu.com/kodo/1206/put-policy.
var model = control.ObjectModel{
	control.Carried: {metadataPrefix + "*"},
	control.Told:    {endUser},
	control.Apart: {
		// Of stat: the object's life in the store.
		"expiration", "lastmodify", "status", "restorestatus", "type", "puttime", "md5", "parts",
		"transitiontoia", "transitiontoarchive", "transitiontodeeparchive", "transitiontoarchiveir",
		// Of downloads.
		"x-log", "x-m-log", "x-m-reqid", "x-qiniu-zone", "x-qnm-cache", "x-reqid", "x-svr", "content-transfer-encoding",
	},
}
