//go:build linux

package telnet

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// mute is a connection whose queue nobody sends.
func mute(t *testing.T, server bool, set ...sdk.Setting) *conn {
	c := &conn{Below: says(nil), server: server, flushing: true}
	for _, o := range append([]sdk.Setting{{Name: "ttype", Value: "dumb"}, {Name: "naws", Value: "80x24"}, {Name: "echo", Value: "auto"}}, set...) {
		if err := c.prefer(o.Name, o.Value); err != nil {
			t.Fatal(err)
		}
	}
	c.begin()
	return c
}

// A peer that meets whatever we say with a request of its choice: what we say is
// bounded, whoever's side we are on, and what is no request is not answered.
func TestNoPeerCanTalkUsIntoALoop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		server := rapid.Bool().Draw(rt, "server")
		c := mute(t, server, set("binary", "on"), set("echo", "on"))
		opts := []byte{optBinary, optEcho, optSGA, optTType, optNAWS, 5, 39, 255}
		total, rounds := 0, 0
		said := c.queue
		for ; rounds < 3000 && (len(said) > 0 || rounds < 50); rounds++ {
			total += len(said)
			c.queue = nil
			opt := rapid.SampledFrom(opts).Draw(rt, "opt")
			if len(said) >= 3 && rapid.Bool().Draw(rt, "same") {
				opt = said[2]
			}
			wire := []byte{cmdIAC, rapid.SampledFrom([]byte{cmdWILL, cmdWONT, cmdDO, cmdDONT}).Draw(rt, "cmd"), opt}
			if rapid.IntRange(0, 9).Draw(rt, "sub") == 0 {
				wire = []byte{cmdIAC, cmdSB, optTType, ttypeSend, cmdIAC, cmdSE}
			}
			if out, err := c.take(wire); out != 0 || err != nil {
				rt.Fatal(out, err)
			}
			said = c.queue
		}
		if c.answers > mostAnswers || total > 64*mostAnswers {
			rt.Fatalf("%d bytes said in %d rounds", total, rounds)
		}
	})
	c := mute(t, false)
	for range 5000 { // the worst: each answer is met by the opposite
		c.take([]byte("\xff\xfb\x01\xff\xfc\x01\xff\xfd\x63"))
	}
	if len(c.queue) > 3*mostAnswers {
		t.Errorf("%d bytes of answers", len(c.queue))
	}
	c.take([]byte("x\xff\xfd\x63"))
	if !bytes.HasSuffix(c.queue, []byte("\xff\xfc\x63")) {
		t.Error("no answer after data")
	}
}

// Two of us, whatever is changed at whatever moment, come to agree and fall silent.
func TestTwoSidesFallSilentAndAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ends := [2]*conn{mute(t, false), mute(t, true)}
		pass := func(from int) {
			wire := ends[from].queue
			ends[from].queue = nil
			if _, err := ends[1-from].take(wire); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			who := rapid.IntRange(0, 1).Draw(rt, "who")
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				ends[who].SetOption("binary", rapid.SampledFrom([]string{"on", "off"}).Draw(rt, "binary"))
			case 1:
				ends[who].SetOption("echo", rapid.SampledFrom([]string{"on", "off", "auto"}).Draw(rt, "echo"))
			default:
				pass(who)
			}
		}
		for i := 0; len(ends[0].queue)+len(ends[1].queue) > 0; i++ {
			if i > 100 {
				rt.Fatal("they do not fall silent")
			}
			pass(i & 1)
		}
		for i, o := range known {
			for _, p := range [][2]state{{ends[0].local[i].state, ends[1].remote[i].state}, {ends[1].local[i].state, ends[0].remote[i].state}} {
				if p[0] != p[1] || p[0] > yes {
					rt.Fatalf("%s: %v and %v", o.name, p[0], p[1])
				}
			}
		}
	})
}
