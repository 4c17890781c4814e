package table

import "github.com/sosh-shell/sosh/core/socket"

// messageCost is what a message costs beside its data, in bytes: a flood of empty
// ones is bounded, too.
const messageCost = 128

// queue holds the messages that were read and not consumed.
//
// Not safe for concurrent use: the reading turn guards it.
type queue struct {
	list []socket.Message
	size int64 // data and cost
}

func cost(m socket.Message) int64 { return int64(len(m.Data)) + messageCost }

func (q *queue) add(m socket.Message) {
	q.list = append(q.list, m)
	q.size += cost(m)
}

// drop takes the first n away and returns their cost.
func (q *queue) drop(n int) int64 {
	var gone int64
	for i := range q.list[:n] {
		gone += cost(q.list[i])
		q.list[i] = socket.Message{}
	}
	q.list = q.list[n:]
	if q.size -= gone; len(q.list) == 0 {
		q.list = nil
	}
	return gone
}
