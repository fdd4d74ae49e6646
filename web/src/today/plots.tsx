// Orders and revenue by channel and hour; by itself, because charts are large.
import { Segmented } from 'antd';
import { BarChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { init, use as include, type ECharts } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useDark } from '../shell/theme';
import type { Overview } from './today';

include([BarChart, GridComponent, LegendComponent, TooltipComponent, AriaComponent, CanvasRenderer]);

const colours: Record<string, [light: string, dark: string]> = {
  ozon: ['#2f6bff', '#6d97ff'], wildberries: ['#a13ab0', '#cf7fdb'], yandex_market: ['#d99a1c', '#e6b54d'], site: ['#4f9a45', '#7cc172'],
  woocommerce: ['#8a63c0', '#b79bdc'], bitrix: ['#cc4b42', '#e58079'], insales: ['#1f8f80', '#5cc0b2'], shopify: ['#7d9a35', '#aec76b'], cml_shop: ['#b0682a', '#d69a66'],
};
const hour = 3600_000;

export default function Plots({ o, days }: { o: Overview; days: number }) {
  const { t, word, lang } = useText();
  const f = useFormat();
  const dark = useDark();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const [what, setWhat] = useState<'orders' | 'revenue'>('orders');

  const option = useMemo(() => {
    const first = Math.floor(Date.parse(o.from) / hour) * hour;
    const hours = Array.from({ length: days * 24 }, (_, i) => first + i * hour);
    const currency = o.hours.find((h) => h.revenue)?.revenue?.currency ?? 'RUB';
    const channels = [...new Set(o.hours.map((h) => h.channel))].sort();
    const text = dark ? 'rgba(255,255,255,.72)' : 'rgba(0,0,0,.68)';
    const line = dark ? 'rgba(255,255,255,.12)' : 'rgba(0,0,0,.08)';
    const label = new Intl.DateTimeFormat(f.locale, days > 1 ? { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } : { hour: '2-digit', minute: '2-digit' });
    return {
      aria: { enabled: true, label: { description: t('today.plots') } },
      animation: false,
      textStyle: { color: text, fontFamily: 'inherit' },
      grid: { left: 8, right: 8, top: 34, bottom: 4, containLabel: true },
      legend: { type: 'scroll' as const, top: 0, left: 0, textStyle: { color: text }, itemWidth: 12, itemHeight: 12 },
      tooltip: { trigger: 'axis' as const, renderMode: 'richText' as const, axisPointer: { type: 'shadow' as const }, valueFormatter: (v: unknown) => (what === 'orders' ? f.number(Number(v)) : f.money({ minor: Math.round(Number(v) * 100), currency })) },
      xAxis: { type: 'category' as const, data: hours.map((h) => label.format(h)), axisLabel: { color: text, hideOverlap: true }, axisTick: { show: false }, axisLine: { lineStyle: { color: line } } },
      yAxis: { type: 'value' as const, minInterval: 1, axisLabel: { color: text, formatter: (v: number) => new Intl.NumberFormat(f.locale, { notation: 'compact' }).format(v) }, splitLine: { lineStyle: { color: line } } },
      series: channels.map((c) => ({
        type: 'bar' as const, stack: 'all', name: word('channel', c), itemStyle: { color: colours[c]?.[dark ? 1 : 0] }, barCategoryGap: '18%',
        data: hours.map((at) => o.hours.filter((h) => h.channel === c && Date.parse(h.hour) === at).reduce((n, h) => n + (what === 'orders' ? h.orders : h.revenue?.currency === currency ? h.revenue.minor / 100 : 0), 0)),
      })),
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- t, word and f change with the language only
  }, [o, days, dark, what, lang]);

  useEffect(() => {
    if (!box.current) return;
    chart.current = init(box.current);
    const size = new ResizeObserver(() => chart.current?.resize());
    size.observe(box.current);
    return () => {
      size.disconnect();
      chart.current?.dispose();
      chart.current = undefined;
    };
  }, []);
  useEffect(() => chart.current?.setOption(option, { notMerge: true }), [option]);

  return (
    <>
      <Segmented size="small" aria-label={t('today.plots')} value={what} onChange={setWhat} options={[{ value: 'orders', label: t('today.orders') }, { value: 'revenue', label: t('today.revenue') }]} style={{ marginBottom: 8 }} />
      <div ref={box} role="img" aria-label={t('today.plots')} style={{ height: 240 }} />
    </>
  );
}
