// Half-open spans of whole microseconds, `[start, end]`, kept sorted and apart.

export function union(spans) {
  const found = [];
  for (const [start, end] of [...spans].sort(([a, c], [b, d]) => a - b || c - d)) {
    const last = found.at(-1);
    if (start === end) {
      continue;
    }
    if (last && start <= last[1]) {
      last[1] = Math.max(last[1], end);
    } else {
      found.push([start, end]);
    }
  }
  return found;
}

/** Whether some instant is in both; both are unions. */
export function meet(left, right) {
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (Math.max(left[i][0], right[j][0]) < Math.min(left[i][1], right[j][1])) {
      return true;
    }
    if (left[i][1] <= right[j][1]) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return false;
}

/** Whether every instant of `part` is in `whole`; both are unions. */
export function within(part, whole) {
  let j = 0;
  return part.every(([start, end]) => {
    while (j < whole.length && whole[j][1] < end) {
      j += 1;
    }
    return j < whole.length && whole[j][0] <= start;
  });
}
