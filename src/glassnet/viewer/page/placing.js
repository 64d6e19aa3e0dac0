// Where the neurons of a network stand: its layers from left to right, or, where the page is too narrow for that, from
// top to bottom.

/** Neurons in a line; more stand in further lines beside it. */
const LONGEST = 32;
/** In pixels: between layers, at least; of a layer of several lines; a letter, and the longest label of an output and of
 * an input in letters; the bar of the likeliest output; the text beside it.
 */
const WIDE = { gap: 56, block: 150, letter: 7.6, outputs: 10, inputs: 10, bar: 44, share: 50 };
const NARROW = { gap: 26, block: 72, letter: 6.8, outputs: 4, inputs: 8, bar: 14, share: 30 };
const DOWN = { gap: 44, block: Infinity, letter: 6.4, outputs: 14, inputs: 14, bar: 34, share: 14 };
const EDGE = 8; // around the whole picture
const TITLE = 20; // above a layer, where they stand below each other

/** {width, height, down, room, blocks}. scale: of the page's type. down: whether the layers stand below each other. A block has what is said of it
 * in places below, and point(j): where number j of it is.
 */
export function arrange(stages, width, scale) {
  const beside = width < 560 ? null : fromLeft(stages, width, scale);
  return beside ?? fromTop(stages, width, DOWN);
}

/** null if there is no room. */
function fromLeft(stages, width, scale) {
  const room = width / stages.length < 130 * scale ? NARROW : { ...WIDE, letter: WIDE.letter * scale, share: WIDE.share * scale };
  const height = Math.max(300, Math.min(560, width * 0.52));
  const blocks = stages.map((stage, i) => {
    if (stage.picture) return picture(stage, Math.min(height * 0.62, Math.max(96, width * 0.24)));
    const block = lines(stage, i, stages.length, height - EDGE, room, 34);
    const names = block.last ? 11 + 8 + room.letter * block.letters + room.bar + room.share : room.letter * block.letters + 10;
    return { ...block, thick: block.thick + (block.letters ? names : 0), before: block.last || !block.letters ? 0 : names };
  });
  const gap = spread(blocks, width, room.gap);
  if (gap === null) return null;
  let x = EDGE;
  for (const block of blocks) {
    const [left, middle] = [x, (height + EDGE) / 2];
    if (block.side) block.at = [left, middle - block.side / 2];
    else block.point = onLines(block, left + block.before + block.step / 2, middle, false);
    block.title = [block.first || (block.last && block.letters) ? left : block.last ? left + block.thick : left + block.thick / 2, height + 20];
    block.anchor = block.first || (block.last && block.letters) ? "start" : block.last ? "end" : "middle";
    x += block.thick + gap;
  }
  const tall = height + 28 + 15 * Math.max(...stages.map((stage) => stage.layers.length || 1));
  return { width, height: tall, down: false, room, blocks: blocks.map(finished) };
}

function fromTop(stages, width, room) {
  const long = width - 2 * EDGE;
  let y = 0;
  const blocks = stages.map((stage, i) => {
    let block = null;
    if (stage.picture) block = picture(stage, Math.min(180, long * 0.5));
    else {
      block = lines(stage, i, stages.length, long, room, stage.labels ? 90 : 34);
      const letters = Math.min(block.letters, Math.max(1, Math.floor(block.pitch / room.letter) - 1));
      block = { ...block, letters: block.letters && letters, before: block.letters && !block.last ? 18 : 0 };
    }
    block.title = [EDGE, y + 13];
    const top = y + TITLE + 6;
    if (block.side) block.at = [(width - block.side) / 2, top];
    else block.point = onLines(block, top + block.before + block.step / 2, width / 2, true);
    y = top + (block.before ?? 0) + block.thick + (i === stages.length - 1 ? (block.letters ? 18 + room.bar + room.share : 0) + EDGE : (stages.length < 5 ? 1.5 : 1) * room.gap - TITLE);
    return block;
  });
  return { width, height: y, down: true, room, blocks: blocks.map(finished) };
}

function picture(stage, side) {
  const [rows, columns] = stage.shape.length === 2 ? stage.shape : [Math.sqrt(stage.size), Math.sqrt(stage.size)];
  return { side, thick: side, grid: [rows, columns], first: true, letters: 0 };
}

/** A layer as lines of neurons. letters: of its longest label beside the neurons, 0 for none. inside: whether its labels
 * stand in them.
 */
function lines(stage, i, stages, long, room, most) {
  const [first, last] = [i === 0, i === stages - 1];
  const inside = first && Boolean(stage.labels?.every((label) => label.length < 3));
  const named = Boolean(stage.labels) && stage.values.length <= LONGEST;
  const count = Math.ceil(stage.values.length / LONGEST);
  const each = Math.ceil(stage.values.length / count);
  const pitch = Math.min(most, long / each);
  const step = Math.min(pitch, count > 1 ? Math.max(7, room.block / count) : 34);
  const longest = named && !inside ? stage.labels.reduce((length, label) => Math.max(length, label.length), 0) : 0;
  const radius = Math.max(2.2, Math.min(11, 0.42 * Math.min(pitch, step)));
  return { first, last, inside, named, each, pitch, step, radius, thick: count * step, letters: Math.min(longest, last ? room.outputs : room.inputs) };
}

/** Where neuron j is: the first line begins at start, and lines have their middle at middle. */
function onLines({ each, pitch, step }, start, middle, down) {
  return (j) => {
    const [across, along] = [start + Math.floor(j / each) * step, middle + ((j % each) - (each - 1) / 2) * pitch];
    return down ? [along, across] : [across, along];
  };
}

/** The space between blocks, so that they take the whole width; null if that is less than the least. */
function spread(blocks, width, least) {
  if (blocks.length === 1) return 0;
  const gap = (width - 2 * EDGE - blocks.reduce((sum, one) => sum + one.thick, 0)) / (blocks.length - 1);
  return gap < least ? null : gap;
}

/** The numbers of a picture are where its pixels are. */
function finished(block) {
  if (!block.side) return block;
  const { at: [left, top], side, grid: [rows, columns] } = block;
  return { ...block, point: (j) => [left + ((j % columns) + 0.5) * (side / columns), top + (Math.floor(j / columns) + 0.5) * (side / rows)] };
}
