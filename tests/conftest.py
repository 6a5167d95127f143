"""What every test may use."""

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew, drop orphans"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def golden(update_golden: bool) -> Callable[[Path, str], None]:
    """Compare text with a golden file, or write the file when --update-golden is given."""

    def check(path: Path, text: str) -> None:
        if update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: run pytest --update-golden and read the diff"
        assert path.read_text() == text

    return check


@pytest.fixture
def no_orphans(update_golden: bool) -> Callable[[Path, set[Path]], None]:
    """The files under a golden folder are exactly those that some test reads or writes."""

    def check(folder: Path, known: set[Path]) -> None:
        orphans = {path for path in folder.rglob("*") if path.is_file()} - known
        if update_golden:
            for orphan in orphans:
                orphan.unlink()
            orphans = set()
        assert not orphans

    return check
