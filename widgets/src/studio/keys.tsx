const KEYS: [string, string][] = [
  ["A", "accept the candidate"],
  ["X", "reject it; then 1 to 6 gives the reason, Enter none"],
  ["E", "edit its instruction"],
  ["P", "pause, resume"],
  ["S", "step: on to the next finished candidate"],
  ["⌫", "undo the last decision"],
  ["↑ ↓ Space", "previous, next candidate"],
  ["← →", "tabs"],
  ["Esc", "close what is open"],
  ["?", "this sheet"],
];

export function Keys({ onClose }: { onClose: () => void }) {
  return (
    <div class="form keys" role="dialog" aria-label="Keys">
      <dl>
        {KEYS.map(([key, what]) => (
          <>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <button type="button" class="link" onClick={onClose}>
        Close
      </button>
    </div>
  );
}
