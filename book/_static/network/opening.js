"use strict";
// A picture's brightness: reduced, grey, without transparency. It is lenetcourse.data.opening.
// The browser has decoded the file and turned it as its EXIF data say.

{
  const { BOX, clip, filled, image, reduce, resize } = lenet.ndimage;
  const WORK_SIDE = 320; // a picture is reduced to this before anything is computed
  const MOST_PIXELS = 2 ** 24; // of a canvas
  const VISIBLE = 16; // of 255: less alpha than this cannot be seen
  const MIN_CONTRAST = 20; // of 255: less difference between ink and paper counts as blank

  // The picture shows no digit.
  class PictureError extends lenet.CourseError {}

  // A picture's file (a Blob, as from a file input, a paste or a drop) -> ImageData. Raises
  // PictureError when the browser cannot read it.
  async function openPicture(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    } catch {
      throw new PictureError("This is not a picture that can be read: save it as PNG or JPEG.");
    }
    // Some browsers have no larger canvas, and everything is reduced to WORK_SIDE anyway.
    const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.floor(bitmap.width * scale));
    canvas.height = Math.max(1, Math.floor(bitmap.height * scale));
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return pen.getImageData(0, 0, canvas.width, canvas.height);
  }

  // ImageData of a canvas, {width, height, data: RGBA} -> grey image, 0 black to 255 white.
  function brightness(picture) {
    const longest = Math.max(picture.width, picture.height);
    if (!picture.width || !picture.height) throw new PictureError("The picture has no pixels.");
    const factor = Math.floor(longest / (2 * WORK_SIDE));
    const small = factor > 1 ? reduce(picture, factor) : picture;
    const grey = image([small.height, small.width], withoutAlpha(small));
    return resize(grey, thumbnailShape(grey.shape), BOX);
  }

  // (height, width) so that the longer side is at most WORK_SIDE, in about the same proportions.
  function thumbnailShape([height, width]) {
    if (Math.max(height, width) <= WORK_SIDE) return [height, width];
    const aspect = width / height;
    const near = (length, error) => {
      const [low, high] = [Math.floor(length), Math.ceil(length)];
      return Math.max(1, error(high) < error(low) ? high : low);
    };
    if (aspect <= 1) {
      return [WORK_SIDE, near(WORK_SIDE * aspect, (n) => Math.abs(aspect - n / WORK_SIDE))];
    }
    return [near(WORK_SIDE / aspect, (n) => (n ? Math.abs(aspect - WORK_SIDE / n) : 0)), WORK_SIDE];
  }

  // Show what was drawn: by its colours where they differ, else by what is less transparent.
  // Where most of the picture can be seen, the half-transparent part is paper, whatever lies under
  // it, and what is not seen at all is taken for paper of the same brightness.
  function withoutAlpha({ data }) {
    const grey = filled(new Float32Array(data.length / 4), (k) => luminance(data, 4 * k));
    if (!data.some((value, at) => at % 4 === 3 && value < 255)) return grey;
    const seen = grey.filter((_, k) => data[4 * k + 3] >= VISIBLE).sort();
    if (seen.length > grey.length / 2) {
      const [darkest, paper, lightest] = [0.001, 0.5, 0.999].map((share) => quantile(seen, share));
      if (lightest - darkest >= MIN_CONTRAST) {
        return grey.map((value, k) => (data[4 * k + 3] >= VISIBLE ? value : Math.trunc(paper)));
      }
    }
    let strokes = 0, alphas = 0;
    for (let at = 0; at < data.length; at += 4) {
      strokes += ((data[at] + data[at + 1] + data[at + 2]) / 3) * data[at + 3];
      alphas += data[at + 3];
    }
    const paper = strokes / Math.max(alphas, 1) < 128 ? 255 : 0;
    const laid = data.map((value, at) => over(value, data[at | 3], paper)); // alpha: each fourth
    return grey.map((_, k) => luminance(laid, 4 * k));
  }

  // Pillow's convert("L"): ITU-R 601-2, in whole numbers.
  const luminance = (data, at) =>
    (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;

  // A colour with some alpha laid over opaque paper: Pillow's alpha_composite, in whole numbers.
  function over(value, alpha, paper) {
    const sum = (value * alpha + paper * (255 - alpha) + 128) << 7;
    return ((sum >> 8) + sum) >> 15;
  }

  // Of sorted values; between two of them in proportion.
  function quantile(sorted, share) {
    const place = share * (sorted.length - 1), low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + clip(place - low, 0, 1) * (sorted[high] - sorted[low]);
  }

  Object.assign(lenet, { PictureError, openPicture, brightness });
  Object.assign(lenet.ndimage, { MIN_CONTRAST });
}
