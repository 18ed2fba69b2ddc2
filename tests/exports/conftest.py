import pytest


@pytest.fixture(params=[None, 1, 3], ids=["one", "batch of one", "batch"])
def batch(request):
    return request.param
