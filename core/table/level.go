package table

import (
	"context"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// level is one descriptor of a socket: its own, or the upper end of a layer. Control
// calls go to the lowest, data to the highest.
type level struct {
	proto   socket.Complete
	desc    socket.Description
	mark    socket.Mark
	carrier socket.Carrier
	kind    socket.Kind // what reads and writes of it mean
	name    string      // the protocol's; of a second layer of one protocol tls2
	framed  bool        // its messages come as frames over a stream

	hold  hold
	watch *watch

	frames frames // what was read of a frame; guarded by the reading turn
	tail   []byte // what is left to write of a frame; guarded by the writing turn

	off    bool   // taken off, but for input of it that there is no room for; under both turns
	left   []byte // then: what it gave back of beneath
	failed error  // and how taking it off went
}

// messages reports whether the level keeps the bounds of messages.
func (l *level) messages() bool { return l.kind.Messages() }

// fields are those of the level's messages now: a new build of a plugin may have others.
func (l *level) fields() []socket.Field { return l.proto.Describe().Fields }

// endWait is how long a carrier may take to say why its bytes ended.
const endWait = 250 * time.Millisecond

// why is why the level's bytes ended, Ended for the peer's orderly end.
func (l *level) why() error {
	if l.carrier == nil {
		return socket.Ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	if err := l.carrier.End(ctx); err != nil {
		return err
	}
	return socket.Ended
}

// hasEnded reports whether nothing more comes up through the level's descriptor.
func (l *level) hasEnded() bool {
	fd, err := l.hold.use()
	if err != nil {
		return true
	}
	defer l.hold.done()
	return sysHungUp(fd)
}

// lost reports whether what carried the level has died.
func (l *level) lost() bool { return l.carrier != nil && l.carrier.Facts().State == stateLost }

// stateLost is the state of a socket whose carrier has died.
const stateLost = "lost"
