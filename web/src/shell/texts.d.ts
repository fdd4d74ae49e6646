// What scripts/parts.mjs serves: the texts in parts, by the name of their page.
declare module 'virtual:texts' {
  export const parts: Record<string, Record<'en' | 'ru', () => Promise<{ default: Record<string, string> }>>>;
}
