"""What failed is told in full also where two tests share what they look at."""

import pytest

pytest.register_assert_rewrite("serve.mcp.using")
