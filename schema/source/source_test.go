package source

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestEnd finds the ends of values of every form. In each text the value of the key "k" is
// between « and », which are taken out first.
func TestEnd(t *testing.T) {
	for _, marked := range []string{
		"k: «1.2» # x\n", "k: «1.2»", "k: «\"a \\\" # b\"» # x\n", "k: «'it''s'» # x\n", "k: «ä ö»  # ü\n",
		"ä: { k: «x» }\n", "z: { k: «{ a: 1, b: [c, \"}\"], }» } # x\n", "k: «[\n  a, # ]\n  b # c\n  ]»\n", "k: «{}»\n", "k: «[ ]»\n",
		"k:\n  «a: 1\n  b: 2» # x\nz: 1\n", "k:\n- a\n- b # x\nz: 1\n", "k: «a\n  b  c\n\n  d» # x\n",
		"k: «|\n  a\n\n  b»\n\nz: 1\n", "- k: «>-\n    a\n    # no comment»\n  z: 1\n", "\ufeffk: «1»\r\n", "k: «it's, [fine]»\r\n",
	} {
		text := strings.NewReplacer("«", "", "»", "").Replace(marked)
		parsed, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		n := find(parsed.Documents[0])
		start, err := parsed.Start(n)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		end, err := parsed.End(n)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		want := "- a\n- b" // in the text whose value begins with a dash
		if _, value, ok := strings.Cut(marked, "«"); ok {
			want, _, _ = strings.Cut(value, "»")
		}
		if got := string(parsed.Bytes[start:end]); got != want {
			t.Errorf("%q: the value is %q, not %q", text, got, want)
		}
	}
}

// find returns the value of the key "k".
func find(n *yaml.Node) *yaml.Node {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Value == "k" {
			return n.Content[i+1]
		}
		if found := find(c); found != nil {
			return found
		}
	}
	return nil
}

func TestComments(t *testing.T) {
	parsed, err := Parse([]byte("# 1\na: b#c # 2\nd: \"# no\" # 3\ne: [f, # 4\n  '#g']\nh: |\n  # no\n# 5\n--- # 6\ni: j k\n  #7\n"))
	if err != nil {
		t.Fatal(err)
	}
	places, err := parsed.Comments()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range places {
		got = append(got, string(parsed.Bytes[p.From:p.To]))
	}
	if want := "# 1|# 2|# 3|# 4|# 5|# 6|#7"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}

func TestPlaces(t *testing.T) {
	parsed, err := Parse([]byte("a: 1\r\nb: 2"))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.EOL != "\r\n" || parsed.LineAt(0) != 0 || parsed.LineAt(5) != 0 || parsed.LineAt(6) != 1 || parsed.LineStart(8) != 6 {
		t.Errorf("%q, lines %d %d %d", parsed.EOL, parsed.LineAt(0), parsed.LineAt(5), parsed.LineAt(6))
	}
	if next, ended := parsed.NextLine(7); next != 10 || ended {
		t.Errorf("the line after the last one begins at %d (%v)", next, ended)
	}
	if _, err := parsed.Start(&yaml.Node{Line: 9, Column: 1}); err == nil {
		t.Error("a line that is not there is found")
	}
}
