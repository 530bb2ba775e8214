/** A sentence; what stands between backticks is something to type. */
export function Words({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text, in its order
    index % 2 === 0 ? part : <code key={index}>{part}</code>,
  );
}
