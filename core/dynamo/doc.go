// Package dynamo reaches the two DynamoDB tables in which the machines of a fleet keep
// what they share: one request at a time, repeated by dth's own retry layer.
//
// The table of objects holds one item for each key, under k. The other one holds the rest:
//
//	pk                          sk       what
//	R                           run      a run
//	M#<run>                     message  what came of one message; expires
//	L#<name>                    #        a lease
//	D#<name>                    #        how often a limit was used; expires
//	X                           random   keys that only the destination has
//	UP#<0-f>                    hash     an upload of one worker, by its key
//	UQ#<intent>                 P#00001  its parts; expire
//	U#<id>                      #        a giant object; expires once it is final
//	U#<id>                      P#00001  its parts; expire
//	G#<name>                    #        which generation of a ledger is the newest
//	G#<name>#<generation>#<n>   #        one segment of it; expires
//
// Who changes an item that another may change at the same time does so under a condition,
// and knows his own write again when its answer was lost: by the owner it names, by a
// nonce in the item, or by the token of the transaction.
package dynamo
