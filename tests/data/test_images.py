"""Pictures of digits are prepared as MNIST was."""

import numpy as np
import pytest
from PIL import Image

import glassnet as gn
from glassnet import data
from glassnet.data.images import read_digit

DIGIT = data.load("digits").test.x[0].reshape(28, 28)


def save(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels, np.uint8), mode).save(path)
    return path


def test_a_picture_as_in_mnist_is_taken_as_it_is(tmp_path):
    path = save(tmp_path / "a.png", np.round(DIGIT * 255))
    np.testing.assert_allclose(read_digit(path), DIGIT, atol=1 / 255)
    assert read_digit(path).dtype == np.float32


def test_dark_ink_on_paper_is_inverted(tmp_path):
    np.testing.assert_allclose(read_digit(save(tmp_path / "a.png", 255 - np.round(DIGIT * 255))), DIGIT, atol=1 / 255)


def test_transparent_is_paper(tmp_path):
    pixels = np.zeros((28, 28, 4))  # black ink, drawn by its opacity
    pixels[..., 3] = np.round(DIGIT * 255)
    np.testing.assert_allclose(read_digit(save(tmp_path / "a.png", pixels)), DIGIT, atol=2 / 255)


def test_a_large_picture_with_the_digit_in_a_corner_is_centred(tmp_path):
    large = np.full((300, 400), 255.0)
    large[10:206, 20:216] = 255 - np.kron(DIGIT, np.ones((7, 7))) * 255
    image = read_digit(save(tmp_path / "a.png", large))
    assert image.shape == (28, 28)
    rows, columns = np.indices((28, 28))
    assert abs((image * rows).sum() / image.sum() - 14) < 0.6
    assert abs((image * columns).sum() / image.sum() - 14) < 0.6
    assert np.corrcoef(image.ravel(), DIGIT.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("pixels", [np.zeros((28, 28)), np.full((50, 50), 255)])
def test_a_picture_without_ink_is_refused(tmp_path, pixels):
    with pytest.raises(gn.DataError, match=r"a\.png holds no ink"):
        read_digit(save(tmp_path / "a.png", pixels))


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(gn.DataError, match=r"a\.png is not a picture"):
        read_digit(tmp_path / "a.png")
    with pytest.raises(gn.DataError, match=r"b\.png does not exist"):
        read_digit(tmp_path / "b.png")
    path = save(tmp_path / "c.png", np.round(DIGIT * 255))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(gn.DataError, match=r"c\.png is not a picture"):
        read_digit(path)


def test_16_bits_are_as_good_as_8(tmp_path):
    pixels = np.round(DIGIT * 65535).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_digit(tmp_path / "a.png"), DIGIT, atol=1 / 255)


def test_a_picture_of_a_camera_is_as_good_as_a_small_one(tmp_path):
    large = save(tmp_path / "a.png", 255 - np.kron(DIGIT, np.ones((200, 150))) * 255)
    small = save(tmp_path / "b.png", 255 - np.kron(DIGIT, np.ones((20, 15))) * 255)
    np.testing.assert_allclose(read_digit(large), read_digit(small), atol=0.05)


def test_a_program_is_not_taken_for_a_picture(tmp_path):
    """Pillow would give it to Ghostscript."""
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(gn.DataError, match=r"a\.png is not a picture that can be read: it is none of PNG"):
        read_digit(tmp_path / "a.png")
