// Pictures: from a file, or from the page, to the pixels that the model takes, and onto the screen.
const LARGEST = 1024; // pixels of a side; a larger picture is made smaller first, or a browser would take minutes
const SHOWN = 320; // pixels of the longer side on the screen

/** Pixels {data: Uint8Array (c, height, width), dims} of a file or blob; an Error with a sentence if it is none. */
async function pixelsOf(blob, channels) {
  let bitmap;
  try {
    // turned as its EXIF data says, and its levels as they are: Pillow does not apply colour profiles either
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${blob.name || "This"} is no picture that this browser can read; give a JPEG, PNG or WebP.`);
  }
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  if (scale < 1) {
    const smaller = await createImageBitmap(bitmap, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
    bitmap.close();
    bitmap = smaller;
  }
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent lies on white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: planes(context.getImageData(0, 0, width, height).data, width * height, channels), dims: [1, channels, height, width], smaller: scale < 1 };
}

/** RGBA, pixel by pixel, as colour planes, or as grey by the weights of ITU-R 601-2 with Pillow's rounding. */
function planes(rgba, n, channels) {
  const data = new Uint8Array(channels * n);
  for (let i = 0, at = 0; i < n; i++, at += 4) {
    if (channels === 1) {
      data[i] = (19595 * rgba[at] + 38470 * rgba[at + 1] + 7471 * rgba[at + 2] + 0x8000) >> 16;
    } else {
      for (let c = 0; c < channels; c++) data[c * n + i] = rgba[at + c];
    }
  }
  return data;
}

/** Make a canvas as large as a picture, shown with its longer side SHOWN wide or high; gives pixels to be filled. */
function room(canvas, width, height) {
  Object.assign(canvas, { width, height });
  canvas.style.width = `${Math.round(width * SHOWN / Math.max(width, height))}px`;
  canvas.classList.toggle("tiny", Math.max(width, height) <= 64);
  return new ImageData(width, height);
}

/** Draw planes onto a canvas, tiny pictures with their pixels visible. */
function drawPicture(canvas, { data, dims }) {
  const [, channels, height, width] = dims;
  const n = height * width;
  const shown = room(canvas, width, height);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++) shown.data[4 * i + c] = data[(channels === 1 ? 0 : c) * n + i];
    shown.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(shown, 0, 0);
}

/** Draw a map (height, width) of values from 0 over the picture: the more a place speaks for the answer, the warmer. */
function drawMap(canvas, values, height, width) {
  let top = 0;
  for (const value of values) if (value > top) top = value;
  const shown = room(canvas, width, height);
  for (let i = 0; i < values.length; i++) {
    const share = top > 0 ? Math.max(0, values[i]) / top : 0;
    shown.data.set([255, 150 - 110 * share, 40, 190 * share], 4 * i);
  }
  canvas.getContext("2d").putImageData(shown, 0, 0);
}
