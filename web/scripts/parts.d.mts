import type { Plugin } from 'vite';

export function partedTexts(): Plugin;
