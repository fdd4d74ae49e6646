// How long a channel takes with what is asked of it.
import type { Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';

/** ChangeTimes: sent 0.4 s, accepted 0.9 s, confirmed 14 s. */
export function ChangeTimes({ of }: { of: Schemas['ChangeTimes'] }) {
  const { t } = useText();
  const f = useFormat();
  const parts = [['sent', of.sent_seconds], ['accepted', of.accepted_seconds], ['confirmed', of.confirmed_seconds]] as const;
  return (
    <div className="secondary num" title={t('times.hint', { count: of.count })} style={{ fontSize: 12 }}>
      {parts.flatMap(([key, s]) => (s === undefined ? [] : [t(`times.${key}`, { span: f.span(s) })])).join(', ')}
    </div>
  );
}
