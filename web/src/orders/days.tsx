// Days of placement; by itself, because a calendar is large.
import { DatePicker } from 'antd';
import dayjs from 'dayjs';
import { useText } from '../shell/i18n';
import type { Filter } from './query';

interface Props {
  filter: Filter;
  set: (change: Partial<Filter>) => void;
  open: boolean;
  onEmpty: () => void;
}

export default function Days({ filter, set, open, onEmpty }: Props) {
  const { t } = useText();
  const ago = (n: number) => dayjs().subtract(n, 'day');
  return (
    <DatePicker.RangePicker
      defaultOpen={open} aria-label={t('orders.days_')} disabledDate={(d) => d.isAfter(dayjs(), 'day')}
      value={filter.from && filter.to ? [dayjs(filter.from), dayjs(filter.to)] : null}
      presets={[{ label: t('days.today'), value: [dayjs(), dayjs()] }, { label: t('days.yesterday'), value: [ago(1), ago(1)] }, { label: t('days.week'), value: [ago(6), dayjs()] }, { label: t('days.month'), value: [ago(29), dayjs()] }]}
      onChange={(v) => {
        set({ from: v?.[0]?.format('YYYY-MM-DD'), to: v?.[1]?.format('YYYY-MM-DD') });
        if (!v) onEmpty();
      }}
    />
  );
}
