"""Where tests find material that is not part of the project; None where the folder is absent."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
_SHARED = Path(os.environ.get("JIANBAO_TEST_MATERIAL", PROJECT.parent / "shared"))

CORPORA = _SHARED / "corpora" if (_SHARED / "corpora").is_dir() else None
BULLETINS = _SHARED / "bulletins" if (_SHARED / "bulletins").is_dir() else None
