package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

var _ socket.Places = (*Host)(nil)

// AddPlace implements socket.Places.
func (h *Host) AddPlace(name string, command []string) error {
	if err := socket.CheckPlace(name, command); err != nil {
		return err
	}
	return h.changePlaces(name, func(kept map[string][]string) error {
		if kept[name] == nil && len(kept) == maxPlaces {
			return socket.Faultf(socket.Full, "%d places are the most", maxPlaces)
		}
		kept[name] = slices.Clone(command)
		return nil
	})
}

// RemovePlace implements socket.Places.
func (h *Host) RemovePlace(name string) error {
	return h.changePlaces(name, func(kept map[string][]string) error {
		h.mu.Lock()
		_, here := h.places[name]
		h.mu.Unlock()
		if kept[name] == nil && !here {
			return noPlace(name)
		}
		delete(kept, name)
		return nil
	})
}

// changePlaces changes what is kept, and forgets what was known of a place of that
// name: it may lead elsewhere from now on.
func (h *Host) changePlaces(name string, change func(kept map[string][]string) error) error {
	if h.cfg.NoPlaces {
		return errNoPlaces
	}
	h.keeping.Lock()
	defer h.keeping.Unlock()
	kept, err := h.keptPlaces()
	if err != nil {
		return err
	}
	before := fmt.Sprint(kept)
	if err := change(kept); err != nil {
		return err
	}
	idle, err := h.leave(name)
	if err != nil {
		return err
	}
	if fmt.Sprint(kept) != before {
		err = h.keepPlaces(kept)
	}
	h.mu.Lock()
	delete(h.places, name)
	h.mu.Unlock()
	for _, pr := range idle {
		pr.end()
	}
	return err
}

// leave forgets the plugins at a place and returns their processes, unless one has
// sockets there.
func (h *Host) leave(name string) (idle []*process, err error) {
	var words []string
	for _, p := range h.elsewhere() {
		if p.at.name != name {
			continue
		}
		words = append(words, p.name)
		p.mu.Lock()
		pr := p.proc
		p.mu.Unlock()
		if pr == nil {
			continue
		}
		idle = append(idle, pr)
		if n := pr.carries(); n > 0 {
			return nil, &socket.Error{Op: "via", Place: name, Err: socket.Faultf(socket.Unsupported, "%d sockets of %s are there", n, p.name),
				Hint: "close them first: show lists them"}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, word := range words {
		delete(h.plugins, word)
	}
	return idle, nil
}

// elsewhere are the plugins at places, by name.
func (h *Host) elsewhere() (out []*plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, word := range slices.Sorted(maps.Keys(h.plugins)) {
		if p := h.plugins[word]; p.at != nil {
			out = append(out, p)
		}
	}
	return out
}

// carries is how many layers and sockets live in the process.
func (pr *process) carries() int {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return len(pr.lines)
}

// Places implements socket.Places.
func (h *Host) Places() ([]socket.Place, error) {
	if h.cfg.NoPlaces {
		return nil, errNoPlaces
	}
	kept, err := h.keptPlaces()
	all := map[string]socket.Place{}
	for name, command := range kept {
		all[name] = socket.Place{Name: name, Command: command, Kept: true}
	}
	h.mu.Lock()
	for name, command := range h.places {
		if _, ok := all[name]; !ok {
			all[name] = socket.Place{Name: name, Command: command}
		}
	}
	h.mu.Unlock()
	var out []socket.Place
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out, err
}

// PlaceOf implements socket.Places.
func (h *Host) PlaceOf(command []string) (string, error) {
	if err := socket.CheckCommand(command); err != nil {
		return "", err
	}
	all, err := h.Places()
	if errors.Is(err, errNoPlaces) {
		return "", err
	}
	taken := map[string]bool{}
	for _, p := range all {
		if slices.Equal(p.Command, command) {
			return p.Name, nil
		}
		taken[p.Name] = true
	}
	name := nameOf(command)
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", nameOf(command), n)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.places) == maxPlaces {
		return "", socket.Faultf(socket.Full, "%d places are the most", maxPlaces)
	}
	h.places[name] = slices.Clone(command)
	return name, nil
}

// nameOf makes a name from the command's last word that has one in it: the host of
// ssh, the namespace, the pod.
func nameOf(command []string) string {
	for _, w := range slices.Backward(command) {
		if _, host, ok := strings.Cut(w, "@"); ok {
			w = host
		}
		if strings.Contains(w, "=") {
			continue
		}
		w = filepath.Base(w)
		if len(w) < socket.MaxPlaceName-8 && socket.CheckPlace(w, command) == nil {
			return w
		}
	}
	return "place"
}

// leadsTo is the command that leads to a place.
func (h *Host) leadsTo(name string) ([]string, error) {
	if h.cfg.NoPlaces {
		return nil, errNoPlaces
	}
	h.mu.Lock()
	command, ok := h.places[name]
	h.mu.Unlock()
	if ok {
		return command, nil
	}
	kept, err := h.keptPlaces()
	if err != nil {
		return nil, err
	}
	if command, ok := kept[name]; ok {
		return command, nil
	}
	return nil, noPlace(name)
}

var errNoPlaces = socket.Faultf(socket.Unsupported, "places are reached by programs, which are closed to this script (--no-external)")

func noPlace(name string) error {
	return &socket.Error{Op: "via", Place: name, Err: socket.Faultf(socket.Usage, "no place is named %q", name),
		Hint: "via list shows them; via add NAME COMMAND... adds one"}
}

// Reach implements socket.Places.
func (h *Host) Reach(ctx context.Context, protocol string, tell func(string)) error {
	p, err := h.plugin(protocol)
	if err != nil {
		return err
	}
	if p.at != nil {
		p.at.tell.Store(&tell)
		defer p.at.tell.CompareAndSwap(&tell, nil)
	}
	_, err = p.running(ctx)
	return err
}

// pluginsElsewhere are those that were used.
func (h *Host) pluginsElsewhere() (out []socket.Plugin) {
	for _, p := range h.elsewhere() {
		out = append(out, p.state())
	}
	return out
}
