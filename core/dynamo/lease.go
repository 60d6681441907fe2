package dynamo

import "time"

// ClockMargin is by how much the clocks of two machines of a fleet may differ. EC2 keeps
// them within milliseconds (Amazon Time Sync); a minute covers a machine that lost that.
const ClockMargin = time.Minute

// Until returns the end of a lease that is taken now, as it is stored: milliseconds.
func (c *Client) Until(lease time.Duration) int64 { return c.Now().Add(lease).UnixMilli() }

// Ended returns the latest stored end at which another owner's lease has ended for sure.
// The owner measures it by his clock and others by theirs, so they add Options.Margin:
// while no two clocks differ by more, nobody takes a lease that its owner still counts on.
func (c *Client) Ended() int64 { return c.Now().Add(-c.options.Margin).UnixMilli() }
