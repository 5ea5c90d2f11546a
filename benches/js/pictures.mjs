// Draws two pictures for docs/design/concealment.md: plain SVG, readable on light and dark pages.

import { OVERLAP_FRAMES } from '../../web/core/sound/constants.js';
import { STREAM_RATE_HZ } from '../../web/core/constants.js';
import { OVERLAP } from '../../web/core/sound/splice.js';

const [WIDTH, LEFT, PANEL, SPACE] = [860, 20, 120, 40];

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x, y, words, extra = '') => `<text x="${x}" y="${y}" ${extra}>${escape(words)}</text>`;

/** One curve: values at their frames. */
function line(values, top, scale, style) {
  const step = (WIDTH - 2 * LEFT) / (values.length - 1);
  const middle = top + PANEL / 2;
  const points = values.map((value, at) => `${(LEFT + at * step).toFixed(1)},${(middle - (value / scale) * (PANEL / 2)).toFixed(1)}`);
  return `<polyline points="${points.join(' ')}" ${style}/>`;
}

function picture(title, panels, frames, marks) {
  const height = 50 + panels.length * (PANEL + SPACE);
  const x = (frame) => LEFT + (frame * (WIDTH - 2 * LEFT)) / (frames - 1);
  const body = panels.map(({ words, lines, scale }, index) => {
    const top = 50 + index * (PANEL + SPACE);
    const bands = marks.map(({ from, to, shade }) => `<rect x="${x(from).toFixed(1)}" y="${top}" width="${(x(to) - x(from)).toFixed(1)}" height="${PANEL}" fill="${shade}"/>`);
    return [...bands, text(LEFT, top - 6, words), ...lines.map(([values, style]) => line(values, top, scale, style))].join('\n');
  });
  const labels = marks.map(({ from, words }) => text(x(from).toFixed(1), height - 14, words, 'font-size="11"'));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#667">
<title>${escape(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${text(LEFT, 20, title, 'font-size="15" fill="#223"')}
${body.join('\n')}
${labels.join('\n')}
</svg>
`;
}

const stroke = (colour, width = 1.2) => `fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"`;
const [TRUE, OURS, OTHER] = [stroke('#b9bfca', 2.4), stroke('#0a7d4f'), stroke('#c2410c')];
const [GAP_SHADE, BACK_SHADE] = ['#fde8e0', '#eef4f0'];

/** A gap in the left channel: the sent sound, the sound that is heard, and the difference. */
export function drawGap(sound, gap, ours, fade) {
  const around = Math.round(STREAM_RATE_HZ * 0.006);
  const [from, to] = [gap.from - around, gap.from + gap.frames + 2 * around];
  const cut = (samples) => [...samples.subarray(from, to)];
  const sent = cut(sound.left);
  const off = (out) => cut(out.left).map((sample, at) => sample - sent[at]);
  const scale = Math.max(...sent.map(Math.abs), ...cut(fade.left).map(Math.abs)) * 1.05;
  return picture('A gap of 4 ms in the piano: the model goes on, the fade does not (left channel)', [
    { words: 'grey: as sent. green: concealed by the model', lines: [[sent, TRUE], [cut(ours.left), OURS]], scale },
    { words: 'grey: as sent. red: faded out and in, as before', lines: [[sent, TRUE], [cut(fade.left), OTHER]], scale },
    { words: 'what is wrong with either, same scale', lines: [[off(fade), OTHER], [off(ours), OURS]], scale },
  ], to - from, [
    { from: around, to: around + gap.frames, shade: GAP_SHADE, words: 'missing' },
    { from: around + gap.frames, to: around + gap.frames + 265, shade: BACK_SHADE, words: 'crossfade back' },
  ]);
}

/** A splice in the mid channel: at the intended place, and at the place that was found. */
export function drawSplice(sound, from, to, search) {
  const around = Math.round(STREAM_RATE_HZ * 0.007);
  const mid = (at) => (sound.left[at] + sound.right[at]) / 2;
  const stretch = (first) => Array.from({ length: OVERLAP_FRAMES + 2 * around }, (_, frame) => mid(first - around + frame));
  const outgoing = stretch(from);
  const mixed = (incoming, law) => outgoing.map((sample, frame) => {
    const step = frame - around;
    if (step < 0) return sample;
    return step < OVERLAP_FRAMES ? incoming[frame] * OVERLAP[law][step] + sample * OVERLAP[law][OVERLAP_FRAMES - 1 - step] : incoming[frame];
  });
  const wished = stretch(to);
  const found = stretch(to + search.offsetFrames);
  const scale = Math.max(...[...outgoing, ...wished, ...found].map(Math.abs)) * 1.05;
  const offset_ms = ((search.offsetFrames * 1000) / STREAM_RATE_HZ).toFixed(1);
  const grey = stroke('#b9bfca', 1.6);
  return picture('A splice of 15 ms in the strings (mid channel): changing over where the two sounds agree', [
    { words: `the sound that goes (grey) and the one that comes (green), ${offset_ms} ms from the wish: correlation ${search.correlation[0].toFixed(2)}`, lines: [[outgoing, grey], [found, OURS]], scale },
    { words: 'what is heard', lines: [[mixed(found, search.law), OURS]], scale },
    { words: 'exactly where it was wished for: the two do not agree, and the middle caves in', lines: [[outgoing, grey], [mixed(wished, 8), OTHER]], scale },
  ], outgoing.length, [{ from: around, to: around + OVERLAP_FRAMES, shade: BACK_SHADE, words: 'overlap, 10 ms' }]);
}
