package main

import (
	"net/url"
	"regexp"
	"strings"
)

// seen are the headers of a request; lines of the same name are joined.
type seen map[string]string

type rule struct {
	lane    string
	matches func(seen) bool
}

var bots = regexp.MustCompile(`(?i)^.*(bot|crawler).*$`)

// rules are those of ten-rules.yaml: the first that matches gives the lane.
var rules = []rule{
	{"beta", func(h seen) bool { return cookie(h, "beta") == "on" }},
	{"beta", func(h seen) bool { return strings.HasPrefix(path(h), "/beta/") }},
	{"internal", func(h seen) bool { return strings.HasPrefix(path(h), "/internal/") }},
	{"beta", func(h seen) bool { p := query(h, "preview"); return p == "1" || p == "2" }},
	{"bots", func(h seen) bool { return bots.MatchString(h["user-agent"]) }},
	{"acme", func(h seen) bool { return h["x-tenant"] == "acme" }},
	{"eu", func(h seen) bool { c := h["x-country"]; return c == "DE" || c == "FR" || c == "IT" }},
	{"br", func(h seen) bool { return strings.HasPrefix(h["accept-language"], "pt-BR") }},
	{"internal", func(h seen) bool { return strings.HasSuffix(host(h), ".staff.example.com") }},
	{"canary", func(h seen) bool { return h["agent"] == "pc" }},
}

const baseline = "base"

func laneOf(h seen) string {
	for _, r := range rules {
		if r.matches(h) {
			return r.lane
		}
	}
	return baseline
}

func path(h seen) string {
	before, _, _ := strings.Cut(h[":path"], "?")
	return before
}

func host(h seen) string {
	before, _, _ := strings.Cut(h[":authority"], ":")
	return strings.ToLower(before)
}

func query(h seen, name string) string {
	_, after, found := strings.Cut(h[":path"], "?")
	if !found {
		return ""
	}
	values, _ := url.ParseQuery(after) // what could be read is returned with the error
	return values.Get(name)
}

func cookie(h seen, name string) string {
	for rest := h["cookie"]; rest != ""; {
		var piece string
		piece, rest, _ = strings.Cut(rest, ";")
		if key, value, _ := strings.Cut(strings.TrimSpace(piece), "="); key == name {
			return value
		}
	}
	return ""
}

// withMember is baggage with the lane in front, and without other members of that key.
func withMember(baggage, lane string) string {
	out := "lane=" + lane
	for rest := baggage; rest != ""; {
		var piece string
		piece, rest, _ = strings.Cut(rest, ",")
		piece = strings.TrimSpace(piece)
		key, _, found := strings.Cut(piece, "=")
		if piece == "" || found && strings.TrimSpace(key) == "lane" {
			continue
		}
		out += "," + piece
	}
	return out
}
