package control

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestTokensKeepBothMarkers(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "k", "3:key", "a:b\x00ü"} {
		for _, id := range []string{"", "id", "1:x"} {
			gotKey, gotID, err := SplitToken(JoinToken(key, id))
			if err != nil || gotKey != key || gotID != id {
				t.Errorf("SplitToken(JoinToken(%q, %q)) = %q, %q, %v", key, id, gotKey, gotID, err)
			}
		}
	}
	if key, id, err := SplitToken(""); err != nil || key+id != "" {
		t.Errorf("SplitToken of nothing = %q, %q, %v", key, id, err)
	}
	for _, token := range []string{"k", ":k", "x:k", "-1:k", "9:k"} {
		if _, _, err := SplitToken(token); driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("SplitToken(%q) = %v, want invalid argument", token, err)
		}
	}
}
