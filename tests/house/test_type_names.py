"""One type, one full name."""
from pathlib import Path

from type_names import twice, types_of

ROOT = Path(__file__).parents[2]


def test_no_two_files_define_one_type():
    assert twice(ROOT) == {}


def test_two_types_of_one_name_are_found(tmp_path):
    for name, body in (("a/one.hpp", "enum class Figure {"), ("b/two.hpp", "struct Figure {")):
        path = tmp_path / "analysis" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"namespace mw::analysis {{\n\n{body}\n}};\n\n}}  // namespace mw::analysis\n")
    assert twice(tmp_path) == {"mw::analysis::Figure": ["analysis/a/one.hpp", "analysis/b/two.hpp"]}


def test_what_is_a_files_own_does_not_count():
    text = """namespace mw {
struct Told;
namespace {

struct Own {
};

}  // namespace

struct Outer::Inner {
};
template <>
struct Trait<int> {
};

}  // namespace mw
"""
    assert types_of(text) == []
