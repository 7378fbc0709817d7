// From scores to a decision, as the dashboard does it, so that the thresholds can be moved.
function softmax(logits) {
  const top = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

function best(values) {
  return values.reduce((k, value, j) => (value > values[k] ? j : k), 0);
}

/** The index of the class that is said, or -1 for nothing. point: {thresholds, costs, abstain_below, positive}. */
function decide(shares, point) {
  const { thresholds, costs, positive } = point;
  if (point.abstain_below > 0 && Math.max(...shares) < point.abstain_below) return -1;
  if (thresholds.length === 1) {
    return shares[positive] >= thresholds[0] ? positive : best(shares.map((share, k) => (k === positive ? -1 : share)));
  }
  if (thresholds.length) return best(shares.map((share, k) => share / Math.max(thresholds[k], 1e-12)));
  if (costs.length) {
    return best(shares.map((_, called) => -shares.reduce((sum, share, k) => sum + share * costs[k][called], 0)));
  }
  return best(shares);
}

/** What the decisions come to at a value: the row of a table of columns whose first one is nearest to it. */
function nearest(table, column, value) {
  if (!table) return null;
  let at = 0;
  table[column].forEach((x, i) => { if (Math.abs(x - value) < Math.abs(table[column][at] - value)) at = i; });
  return Object.fromEntries(Object.entries(table).filter(([, list]) => Array.isArray(list)).map(([name, list]) => [name, list[at]]));
}
