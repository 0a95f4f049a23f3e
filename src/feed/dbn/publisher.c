/* feed/dbn/publisher.c - Databento's publisher ids: the dataset and the venue of each; see dbn.h.
 *
 * After the public list of publishers. The exchange of an event is the dataset's, the part of its code
 * before the point; a venue that is another one goes into the column `venue`.
 */
#include "feed/dbn/dbn.h"

static const struct dbn_publisher publishers[] = {
    [1] = {"GLBX.MDP3", "GLBX"}, {"XNAS.ITCH", "XNAS"},          {"XBOS.ITCH", "XBOS"},
    {"XPSX.ITCH", "XPSX"},       {"BATS.PITCH", "BATS"},         {"BATY.PITCH", "BATY"},
    {"EDGA.PITCH", "EDGA"},      {"EDGX.PITCH", "EDGX"},         {"XNYS.PILLAR", "XNYS"},
    {"XCIS.PILLAR", "XCIS"},     {"XASE.PILLAR", "XASE"},        {"XCHI.PILLAR", "XCHI"},
    {"XCIS.BBO", "XCIS"},        {"XCIS.TRADES", "XCIS"},        {"MEMX.MEMOIR", "MEMX"},
    {"EPRL.DOM", "EPRL"},        {"XNAS.NLS", "FINN"},           {"XNAS.NLS", "FINC"},
    {"XNYS.TRADES", "FINY"},     [20] = {"OPRA.PILLAR", "AMXO"}, {"OPRA.PILLAR", "XBOX"},
    {"OPRA.PILLAR", "XCBO"},     {"OPRA.PILLAR", "EMLD"},        {"OPRA.PILLAR", "EDGO"},
    {"OPRA.PILLAR", "GMNI"},     {"OPRA.PILLAR", "XISX"},        {"OPRA.PILLAR", "MCRY"},
    {"OPRA.PILLAR", "XMIO"},     {"OPRA.PILLAR", "ARCO"},        {"OPRA.PILLAR", "OPRA"},
    {"OPRA.PILLAR", "MPRL"},     {"OPRA.PILLAR", "XNDQ"},        {"OPRA.PILLAR", "XBXO"},
    {"OPRA.PILLAR", "C2OX"},     {"OPRA.PILLAR", "XPHL"},        {"OPRA.PILLAR", "BATO"},
    {"OPRA.PILLAR", "MXOP"},     [38] = {"IEXG.TOPS", "IEXG"},   {"DBEQ.BASIC", "XCHI"},
    {"DBEQ.BASIC", "XCIS"},      {"DBEQ.BASIC", "IEXG"},         {"DBEQ.BASIC", "EPRL"},
    {"ARCX.PILLAR", "ARCX"},     {"XNYS.BBO", "XNYS"},           {"XNYS.TRADES", "XNYS"},
    {"XNAS.QBBO", "XNAS"},       {"XNAS.NLS", "XNAS"},           [48] = {"EQUS.PLUS", "XCHI"},
    {"EQUS.PLUS", "XCIS"},       {"EQUS.PLUS", "IEXG"},          {"EQUS.PLUS", "EPRL"},
    {"EQUS.PLUS", "XNAS"},       {"EQUS.PLUS", "XNYS"},          {"EQUS.PLUS", "FINN"},
    {"EQUS.PLUS", "FINY"},       {"EQUS.PLUS", "FINC"},          [57] = {"IFEU.IMPACT", "IFEU"},
    {"NDEX.IMPACT", "NDEX"},     {"DBEQ.BASIC", "DBEQ"},         {"EQUS.PLUS", "EQUS"},
    {"OPRA.PILLAR", "SPHR"},     [62] = {"EQUS.ALL", "XCHI"},    {"EQUS.ALL", "XCIS"},
    {"EQUS.ALL", "IEXG"},        {"EQUS.ALL", "EPRL"},           {"EQUS.ALL", "XNAS"},
    {"EQUS.ALL", "XNYS"},        {"EQUS.ALL", "FINN"},           {"EQUS.ALL", "FINY"},
    {"EQUS.ALL", "FINC"},        {"EQUS.ALL", "BATS"},           {"EQUS.ALL", "BATY"},
    {"EQUS.ALL", "EDGA"},        {"EQUS.ALL", "EDGX"},           {"EQUS.ALL", "XBOS"},
    {"EQUS.ALL", "XPSX"},        {"EQUS.ALL", "MEMX"},           {"EQUS.ALL", "XASE"},
    {"EQUS.ALL", "ARCX"},        {"EQUS.ALL", "LTSE"},           [81] = {"XNAS.BASIC", "XNAS"},
    {"XNAS.BASIC", "FINN"},      {"XNAS.BASIC", "FINC"},         {"IFEU.IMPACT", "XOFF"},
    {"NDEX.IMPACT", "XOFF"},     {"XNAS.NLS", "XBOS"},           {"XNAS.NLS", "XPSX"},
    {"XNAS.BASIC", "XBOS"},      {"XNAS.BASIC", "XPSX"},         [90] = {"EQUS.SUMMARY", "EQUS"},
    {"XCIS.TRADESBBO", "XCIS"},  {"XNYS.TRADESBBO", "XNYS"},     {"XNAS.BASIC", "EQUS"},
    {"EQUS.ALL", "EQUS"},        {"EQUS.MINI", "EQUS"},          {"XNYS.TRADES", "EQUS"},
    {"IFUS.IMPACT", "IFUS"},     {"IFUS.IMPACT", "XOFF"},        {"IFLL.IMPACT", "IFLL"},
    {"IFLL.IMPACT", "XOFF"},     {"XEUR.EOBI", "XEUR"},          {"XEEE.EOBI", "XEEE"},
    {"XEUR.EOBI", "XOFF"},       {"XEEE.EOBI", "XOFF"},          {"XCBF.PITCH", "XCBF"},
    {"XCBF.PITCH", "XOFF"},      {"OCEA.MEMOIR", "OCEA"},
};
#define PUBLISHERS (sizeof publishers / sizeof *publishers)
_Static_assert(PUBLISHERS == 108, "the last id of the list is 107");

const struct dbn_publisher *dbn_publisher(uint16_t id) {
    return id > 0 && id < PUBLISHERS ? &publishers[id] : NULL;
}

uint16_t dbn_publisher_of(struct k2_sv exchange) {
    for (size_t i = 1; i < PUBLISHERS; i++)
        if (k2_sv_eq(exchange, k2_sv_of(publishers[i].venue)) &&
            k2_sv_starts(k2_sv_of(publishers[i].dataset), exchange))
            return (uint16_t)i;
    return 0;
}
